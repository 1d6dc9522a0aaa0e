"""Writes the same rows as partitioned Parquet with one committer after the other, and reads each back."""
import json
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

job = json.load(sys.stdin)
builder = SparkSession.builder.master('local[2]').appName('forebay')
for name, value in job['settings'].items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel('ERROR')

rows = (spark.range(0, job['rows'], 1, 4)
        .withColumn('day', f.concat(f.lit('2026-01-0'), f.col('id') % 5 + 1))
        .withColumn('name', f.concat(f.lit('ü '), f.col('id')))
        .withColumn('amount', f.col('id') * 0.5))


def figures(table):
    total = table.agg(f.count('*'), f.sum('id'), f.max('name')).first()
    some = table.where(f.col('day') == '2026-01-03').agg(f.count('*'), f.sum('id')).first()
    return [*total, *some]


def committed(path):
    """The committer's name as S3A's committers leave it; those of Hadoop leave an empty file."""
    text = ''.join(spark.sparkContext.textFile(f'{path}/_SUCCESS').collect())
    return json.loads(text)['committer'] if text else ''


result = {}
for name, settings in job['committers'].items():
    for key in set().union(*job['committers'].values()):
        spark.conf.unset(key)
    for key, value in settings.items():
        spark.conf.set(key, value)
    path = f"{job['folder']}/{name}"
    rows.write.mode('overwrite').partitionBy('day').parquet(path)
    first = figures(spark.read.parquet(path))
    # Again, over what is there; then the same rows once more beside them.
    rows.write.mode('overwrite').partitionBy('day').parquet(path)
    again = figures(spark.read.parquet(path))
    rows.write.mode('append').partitionBy('day').parquet(path)
    result[name] = {
        'first': first, 'again': again, 'appended': figures(spark.read.parquet(path)), 'by': committed(path)}
result['version'] = spark.version
spark.stop()
print('\n' + json.dumps(result))
