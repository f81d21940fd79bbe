"""A private S3 server: moto's, as a process of its own. It keeps objects in memory."""

import itertools
import sys
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config

from servers.process import Folder, ServerProcess, free_port, is_listening


class S3Server:
    """An object store on a free port. ``with`` starts it and removes it at the end.

    ``stop`` and ``start`` in between lose the objects.
    """

    key = "watchbell"
    secret = "bell"

    def __init__(self) -> None:
        self._folder = Folder("s3")
        self._numbers = itertools.count(1)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = ServerProcess("s3", command, folder=self._folder.path)

    def start(self) -> Self:
        """Start it and wait until it takes connections."""
        self.process.start().wait_ready(lambda: is_listening(self.port))
        return self

    def stop(self) -> None:
        """End it; every bucket is gone."""
        self.process.stop()

    def close(self) -> None:
        """Stop it for good and remove its files."""
        self.process.kill()
        self._folder.remove()

    def create_bucket(self) -> str:
        """Return the name of an empty bucket that nobody else was given."""
        name = f"test-{next(self._numbers)}"
        self.make_bucket(name)
        return name

    def make_bucket(self, name: str) -> None:
        """Make the bucket of that name."""
        self._client().create_bucket(Bucket=name)

    def objects(self, bucket: str) -> list[str]:
        """Names of the objects in a bucket."""
        return sorted(each["Key"] for each in self._client().list_objects_v2(Bucket=bucket).get("Contents", []))

    def read(self, bucket: str, name: str) -> bytes:
        """Return an object's bytes."""
        return self._client().get_object(Bucket=bucket, Key=name)["Body"].read()

    def uploads(self, bucket: str) -> int:
        """How many uploads in parts were begun and not ended."""
        return len(self._client().list_multipart_uploads(Bucket=bucket).get("Uploads", []))

    def _client(self) -> Any:
        make: Any = boto3.client
        return make(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            region_name="us-east-1",
            config=Config(retries={"max_attempts": 1}),
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
