"""Parquet through pyarrow and its own S3 file system: reads a job as JSON on stdin, prints JSON."""
import hashlib
import json
import os
import sys
import time

import numpy
import pyarrow
import pyarrow.dataset
import pyarrow.fs
import pyarrow.parquet


def file_system():
    """Stock, but for the endpoint; keys come from the environment."""
    scheme, _, address = os.environ['AWS_ENDPOINT_URL'].partition('://')
    return pyarrow.fs.S3FileSystem(endpoint_override=address, scheme=scheme, region='us-east-1')


def columns(random, rows, first):
    """30 columns as tables have them: ids, times, counts, measures, categories and names."""
    yield 'id', pyarrow.array(numpy.arange(first, first + rows))
    times = 1_700_000_000_000 + numpy.cumsum(random.integers(0, 2000, rows))
    yield 'time', pyarrow.array(times).cast(pyarrow.timestamp('ms'))
    for index in range(8):
        yield f'count_{index}', pyarrow.array(random.integers(0, 1 << 40, rows))
    for index in range(12):
        yield f'measure_{index}', pyarrow.array(random.normal(size=rows))
    for index in range(4):
        words = pyarrow.array([f'category-{index}-{word}' for word in range(40)])
        yield f'category_{index}', words.take(pyarrow.array(random.integers(0, 40, rows)))
    for index in range(4):
        names = random.integers(0, 1 << 48, rows).astype('U15')
        yield f'name_{index}', pyarrow.array(names)


def write(job):
    files = file_system()
    written = []
    for index in range(job['files']):
        random = numpy.random.default_rng(job['seed'] + index)
        table = pyarrow.table(dict(columns(random, job['rows'], index * job['rows'])))
        path = f"{job['prefix']}/part-{index:05d}.parquet"
        pyarrow.parquet.write_table(table, path, filesystem=files, row_group_size=job['rowGroupRows'])
        written.append({'path': path, 'sizeBytes': files.get_file_info(path).size})
    return {'columns': table.num_columns, 'files': written}


def read(job):
    started = time.perf_counter()
    data = pyarrow.dataset.dataset(job['paths'], filesystem=file_system(), format='parquet')
    table = data.to_table(columns=job['columns'])
    elapsed = time.perf_counter() - started
    sha256 = hashlib.sha256()
    for column in table.combine_chunks().columns:
        for chunk in column.chunks:
            for buffer in chunk.buffers():
                sha256.update(buffer or b'')
    return {'rows': table.num_rows, 'sha256': sha256.hexdigest(), 'elapsedMs': elapsed * 1000}


request = json.load(sys.stdin)
print(json.dumps({'write': write, 'read': read}[request['do']](request)))
