import asyncio

import aiobotocore
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from lines import serve

part_size = 5 << 20
loop = asyncio.new_event_loop()
context = get_session().create_client('s3', config=AioConfig(s3={'addressing_style': 'path'}))
s3 = loop.run_until_complete(context.__aenter__())


async def put(bucket, key, file):
    with open(file, 'rb') as body:
        await s3.put_object(Bucket=bucket, Key=key, Body=body)


async def get(bucket, key, file, **options):
    answer = await s3.get_object(Bucket=bucket, Key=key, **options)
    with open(file, 'wb') as out:
        async with answer['Body'] as stream:
            while chunk := await stream.read(1 << 20):
                out.write(chunk)


async def read_range(bucket, key, file, start, end):
    await get(bucket, key, file, Range=f'bytes={start}-{int(end) - 1}')


async def multipart(bucket, key, file):
    upload = (await s3.create_multipart_upload(Bucket=bucket, Key=key))['UploadId']
    target = {'Bucket': bucket, 'Key': key, 'UploadId': upload}
    with open(file, 'rb') as whole:
        bodies = iter(lambda: whole.read(part_size), b'')
        sent = await asyncio.gather(*[
            s3.upload_part(**target, PartNumber=number, Body=body) for number, body in enumerate(bodies, 1)])
    parts = [{'PartNumber': number, 'ETag': part['ETag']} for number, part in enumerate(sent, 1)]
    await s3.complete_multipart_upload(**target, MultipartUpload={'Parts': parts})


async def list_keys(bucket, prefix):
    pages = s3.get_paginator('list_objects_v2').paginate(
        Bucket=bucket, Prefix=prefix, PaginationConfig={'PageSize': 5})
    return [entry['Key'] async for page in pages for entry in page.get('Contents', [])]


async def delete(bucket, *keys):
    if len(keys) == 1:
        await s3.delete_object(Bucket=bucket, Key=keys[0])
        return
    answer = await s3.delete_objects(Bucket=bucket, Delete={'Objects': [{'Key': key} for key in keys]})
    if answer.get('Errors'):
        raise Exception(answer['Errors'])


async def copy(bucket, source, target):
    await s3.copy_object(Bucket=bucket, Key=target, CopySource={'Bucket': bucket, 'Key': source})


async def presign(bucket, key, method):
    name = 'get_object' if method == 'GET' else 'put_object'
    return await s3.generate_presigned_url(name, Params={'Bucket': bucket, 'Key': key})


operations = {
    'put': put, 'get': get, 'list': list_keys, 'delete': delete, 'range': read_range,
    'multipart': multipart, 'copy': copy, 'presign': presign,
}


def awaited(operation):
    return lambda *words: loop.run_until_complete(operation(*words))


serve({'version': lambda: aiobotocore.__version__,
       **{name: awaited(operation) for name, operation in operations.items()}})
loop.run_until_complete(context.__aexit__(None, None, None))
