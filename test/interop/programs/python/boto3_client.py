import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from lines import serve

s3 = boto3.client('s3', config=Config(s3={'addressing_style': 'path'}))
parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)


def get(bucket, key, file):
    s3.download_file(bucket, key, file)


def list_keys(bucket, prefix):
    pages = s3.get_paginator('list_objects_v2').paginate(
        Bucket=bucket, Prefix=prefix, PaginationConfig={'PageSize': 5})
    return [entry['Key'] for page in pages for entry in page.get('Contents', [])]


def delete(bucket, *keys):
    if len(keys) == 1:
        s3.delete_object(Bucket=bucket, Key=keys[0])
        return
    answer = s3.delete_objects(Bucket=bucket, Delete={'Objects': [{'Key': key} for key in keys]})
    if answer.get('Errors'):
        raise Exception(answer['Errors'])


def read_range(bucket, key, file, start, end):
    answer = s3.get_object(Bucket=bucket, Key=key, Range=f'bytes={start}-{int(end) - 1}')
    with open(file, 'wb') as out:
        out.write(answer['Body'].read())


def presign(bucket, key, method):
    return s3.generate_presigned_url(
        'get_object' if method == 'GET' else 'put_object', Params={'Bucket': bucket, 'Key': key})


serve({
    'version': lambda: boto3.__version__,
    'put': lambda bucket, key, file: s3.upload_file(file, bucket, key),
    'get': get,
    'list': list_keys,
    'delete': delete,
    'range': read_range,
    'multipart': lambda bucket, key, file: s3.upload_file(file, bucket, key, Config=parts),
    'copy': lambda bucket, source, target: s3.copy({'Bucket': bucket, 'Key': source}, bucket, target),
    'presign': presign,
})
