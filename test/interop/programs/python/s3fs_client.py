import pandas
import pyarrow
import s3fs
from lines import serve

fs = s3fs.S3FileSystem(config_kwargs={'s3': {'addressing_style': 'path'}}, use_listings_cache=False)


def path(bucket, key):
    return f'{bucket}/{key}'


def read_range(bucket, key, file, start, end):
    with fs.open(path(bucket, key), 'rb') as source, open(file, 'wb') as out:
        source.seek(int(start))
        out.write(source.read(int(end) - int(start)))


def multipart(bucket, key, file):
    with open(file, 'rb') as whole, fs.open(path(bucket, key), 'wb', block_size=5 << 20) as target:
        while chunk := whole.read(1 << 20):
            target.write(chunk)


def delete(bucket, *keys):
    fs.rm([path(bucket, key) for key in keys])


def frames(bucket, folder):
    """Pandas writes a partitioned Parquet data set through pyarrow, and reads all and one partition."""
    rows = pandas.DataFrame({'n': range(10_000), 'day': [f'd{n % 7}' for n in range(10_000)]})
    rows.to_parquet(f's3://{bucket}/{folder}', partition_cols=['day'], engine='pyarrow')
    whole = pandas.read_parquet(f's3://{bucket}/{folder}')
    some = pandas.read_parquet(f's3://{bucket}/{folder}', filters=[('day', '=', 'd3')])
    csv = f's3://{bucket}/{folder}.csv'
    rows.to_csv(csv, index=False)
    same = pandas.read_csv(csv).equals(rows)
    return [str(len(whole)), str(whole['n'].sum()), str(len(some)), str(some['n'].sum()), str(same)]


serve({
    'version': lambda: f'{s3fs.__version__} (pandas {pandas.__version__}, pyarrow {pyarrow.__version__})',
    'put': lambda bucket, key, file: fs.put_file(file, path(bucket, key)),
    'get': lambda bucket, key, file: fs.get_file(path(bucket, key), file),
    'list': lambda bucket, prefix: [name.split('/', 1)[1] for name in fs.find(path(bucket, prefix))],
    'delete': delete,
    'range': read_range,
    'multipart': multipart,
    'copy': lambda bucket, source, target: fs.copy(path(bucket, source), path(bucket, target)),
    'presign': lambda bucket, key, method: fs.sign(
        path(bucket, key), client_method='get_object' if method == 'GET' else 'put_object'),
    'frames': frames,
})
