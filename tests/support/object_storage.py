"""An object storage with the S3 API on loopback, and what is in its bucket."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from moto.server import ThreadedMotoServer

BUCKET, REGION = "refused-records", "eu-west-3"
KEYS = {"access_key_id": "AKIAOURKEY", "secret_access_key": "s3cret-of-the-bucket"}


class Storage:
    """A storage with one bucket.

    Attributes:
        address: its address.
        setting: what the setting ``refused_records`` says to use it.
    """

    def __init__(self, address):
        self.address = address
        self.setting = {"kind": "s3", "s3_bucket_name": BUCKET, "s3_endpoint": address, **KEYS}
        self.client = boto3.session.Session().client(
            "s3", region_name=REGION, endpoint_url=address, aws_access_key_id="a", aws_secret_access_key="b"
        )
        self.client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})

    def objects(self, bucket=BUCKET):
        """The objects' names, by time."""
        found = self.client.list_objects_v2(Bucket=bucket).get("Contents", [])
        return [one["Key"] for one in sorted(found, key=lambda one: one["LastModified"])]

    def lines(self, key, bucket=BUCKET):
        """The lines of an object."""
        body = self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return [json.loads(line) for line in body.splitlines()]

    def clear(self):
        """Delete all objects."""
        for key in self.objects():
            self.client.delete_object(Bucket=BUCKET, Key=key)


@contextmanager
def object_storage() -> Iterator[Storage]:
    """A storage that runs while the context is open."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else it logs each request
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    storage = Storage("http://{}:{}".format(*server.get_host_and_port()))
    try:
        yield storage
    finally:
        storage.client.close()
        server.stop()
