"""
Runs Python snippets for tests, each in a child of this process: loading boto3 and the description of S3 takes
most of a second, a fork none of it. A line of standard input asks for a snippet; a line of standard output
says that its child has ended, and how. What it left in `result` is in the file that was named.
"""
import hashlib
import json
import os
import random
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


def tell_ended(*_):
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        os.write(1, f'{running.pop(pid)} {status}\n'.encode())


descriptions = loaded_descriptions()
signal.signal(signal.SIGCHLD, tell_ended)
for line in sys.stdin:
    asked = json.loads(line)
    # A child that ends at once is to be known by then.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        run(asked, descriptions)
        os._exit(0)
    running[pid] = asked['id']
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
