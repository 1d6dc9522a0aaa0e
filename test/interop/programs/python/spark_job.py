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

rows = (spark.range(0, job['rows'], 1, 2)
        .withColumn('day', f.concat(f.lit('2026-01-0'), f.col('id') % 3 + 1))
        .withColumn('name', f.concat(f.lit('ü '), f.col('id')))
        .withColumn('amount', f.col('id') * 0.5))


def figures(table):
    total = table.agg(f.count('*'), f.sum('id'), f.max('name')).first()
    some = table.where(f.col('day') == '2026-01-03').agg(f.count('*'), f.sum('id')).first()
    return [*total, *some]


result = {}
for name, settings in job['committers'].items():
    for key in set().union(*job['committers'].values()):
        spark.conf.unset(key)
    for key, value in settings.items():
        spark.conf.set(key, value)
    path = f"{job['folder']}/{name}"
    rows.write.mode('overwrite').partitionBy('day').parquet(path)
    # Again, over what is there; then the same rows once more beside them.
    rows.write.mode('overwrite').partitionBy('day').parquet(path)
    again = figures(spark.read.parquet(path))
    rows.write.mode('append').partitionBy('day').parquet(path)
    result[name] = {'again': again, 'appended': figures(spark.read.parquet(path))}
result['version'] = spark.version
spark.stop()
print('\n' + json.dumps(result))
