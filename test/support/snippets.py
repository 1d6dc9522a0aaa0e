"""
Runs Python snippets for tests, each in a child of this process: loading boto3 and the description of S3 takes
most of a second, a fork none of it. A line of standard input asks for a snippet; a line of standard output
says that its child has ended, and how. What it left in `result` is in the file that was named.
"""
import hashlib
import json
import os
import random
import selectors
import signal
import sys
import traceback

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

running = {}


def loaded_descriptions():
    session = botocore.session.get_session()
    nobody = {'aws_access_key_id': 'nobody', 'aws_secret_access_key': 'nobody'}
    boto3.Session(botocore_session=session, **nobody).client('s3', region_name='us-east-1')
    return session.get_component('data_loader')


def answer(asked, descriptions):
    session = botocore.session.get_session()
    session.register_component('data_loader', descriptions)
    boto3.setup_default_session(botocore_session=session)
    config = Config(s3={'addressing_style': 'path'}, retries={'total_max_attempts': 1}, read_timeout=60)
    scope = {
        's3': boto3.client('s3', config=config),
        'args': asked['args'],
        'sha256': lambda data: hashlib.sha256(data).hexdigest(),
        'boto3': boto3,
        'Config': Config,
        'ClientError': ClientError,
        'result': None,
    }
    exec(compile(asked['source'], 'snippet', 'exec'), scope)
    return scope['result']


def run(asked, descriptions):
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(asked['env'])
    random.seed()
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    try:
        told = {'result': answer(asked, descriptions)}
        text = json.dumps(told)
    except BaseException:
        text = json.dumps({'failed': traceback.format_exc()})
    with open(asked['path'], 'w') as file:
        file.write(text)


def tell_ended():
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        os.write(1, f'{running.pop(pid)} {status}\n'.encode())


def begin(asked, descriptions):
    pid = os.fork()
    if pid == 0:
        run(asked, descriptions)
        os._exit(0)
    running[pid] = asked['id']


def main():
    descriptions = loaded_descriptions()
    # The end of a child is a byte in this pipe, which cannot be missed as a signal can.
    ended, told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(told)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waiting = selectors.DefaultSelector()
    for source in (0, ended):
        waiting.register(source, selectors.EVENT_READ)
    text = b''
    while True:
        for key, _ in waiting.select():
            came = os.read(key.fd, 65536)
            if key.fd == ended:
                tell_ended()
                continue
            if not came:
                return
            *lines, text = (text + came).split(b'\n')
            for line in lines:
                begin(json.loads(line), descriptions)


main()
