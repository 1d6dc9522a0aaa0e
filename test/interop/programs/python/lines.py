"""Does what it is told line by line: see test/interop/program.ts."""
import sys
import traceback
from urllib.parse import quote, unquote


def serve(operations):
    """`operations`: functions by name, given words; they answer with None, a word or a list of words."""
    for line in sys.stdin:
        name, *words = [unquote(word) for word in line.rstrip('\n').split(' ')]
        try:
            answer = operations[name](*words)
            words = ['ok', *([] if answer is None else [answer] if isinstance(answer, str) else answer)]
        except Exception as error:
            traceback.print_exc()
            words = ['error', f'{type(error).__name__}: {error}']
        print('@', *[quote(word, safe='') for word in words], flush=True)
