"""Refused records in object storage: what is stored and when, what is said where it cannot be; over real HTTP."""

import logging
import sys
from datetime import UTC, datetime
from functools import cache

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    SSLError,
)
from botocore.loaders import create_loader

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK

# isort: split
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.airbyte_secrets_utils import update_secrets

from sage100_ssm.connectors import refused_records_bucket
from sage100_ssm.connectors.destination_settings import DestinationSettings
from sage100_ssm.connectors.errors import ConnectorError, parse_configuration
from sage100_ssm.connectors.refused_records import check_refused_records, open_refused_records
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt
from tests.connectors.test_reporting_alone import Alone, catalog, named, state, written
from tests.support.object_storage import BUCKET, KEYS, object_storage

pytestmark = pytest.mark.xdist_group("object storage")
PARSED_ONCE = cache(create_loader)


@pytest.fixture(scope="module")
def storage():
    with object_storage() as running:
        yield running


@pytest.fixture(autouse=True)
def _apart(storage, monkeypatch):
    """An empty bucket, and no settings of this machine's."""
    storage.clear()
    monkeypatch.setattr("botocore.session.create_loader", PARSED_ONCE)  # the model of the API, parsed once
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")


def setting_of(config):
    return parse_configuration(DestinationSettings, {"refused_records": config}).refused_records


def refused(index=0, stream="contacts", **data):
    receipt = Receipt(index, stream, Action.UPDATE, Outcome.REFUSED, 7, cause=Cause.REJECTED, detail="No")
    return receipt, data


def test_a_refused_record_is_a_line_in_an_object_of_its_stream_and_day(storage):
    config = {"refused_records": storage.setting | {"bucket_path": "/airbyte/refused/"}}
    states, failure = written(
        [*named("refused", "created"), state(at=1), *named("created"), state(at=2), *named("refused"), state(at=3)],
        config,
    )
    assert (states, failure) == ([1, 2, 3], None)
    keys = storage.objects()
    assert len(keys) == 2  # none for the state between, before which nothing was refused
    assert all(key.startswith(f"airbyte/refused/contacts/{datetime.now(UTC):%Y-%m-%d}/") for key in keys)
    (line,) = storage.lines(keys[0])
    assert line["record"] == {"id": 1, "name": "refused"}
    assert (line["cause"], line["stream"]) == ("rejected", "contacts")


def test_the_object_is_stored_before_the_state_is_returned(storage):
    messages = [*named("refused"), state(at=1), *named("refused"), state(at=2)]
    given = Alone().write({"refused_records": storage.setting}, catalog("contacts"), messages)
    for expected in (1, 2):
        next(given)
        assert len(storage.objects()) == expected


def test_streams_are_apart_and_their_names_are_safe_in_a_key(storage):
    with open_refused_records(setting_of(storage.setting)) as store:
        for stream in ("contacts", "crm/people", "contacts", ""):
            store.append(*refused(stream=stream, name=stream))
    folders = {key.partition("/")[0]: len(storage.lines(key)) for key in storage.objects()}
    assert folders == {"contacts": 2, "crm%2Fpeople": 1, "unreadable": 1}


def test_what_was_refused_after_the_last_state_is_stored_at_the_end(storage):
    written([state(at=1), *named("refused")], {"refused_records": storage.setting})
    assert len(storage.objects()) == 1


def test_what_was_refused_is_stored_where_the_write_fails_for_another_reason(storage):
    states, failure = written([*named("refused", "locked"), state(at=1)], {"refused_records": storage.setting})
    assert (states, failure.code) == ([], "records_postponed")
    assert len(storage.objects()) == 1


def test_a_record_with_half_a_character_is_stored_as_it_came(storage):
    with open_refused_records(setting_of(storage.setting)) as store:
        store.append(*refused(name="\ud83d", number=10**30))
    assert storage.lines(*storage.objects())[0]["record"] == {"name": "\ud83d", "number": 10**30}


def test_many_lines_are_stored_before_the_state_so_that_memory_stays_bounded(storage, monkeypatch):
    monkeypatch.setattr(refused_records_bucket, "_OBJECT_BYTES", 1000)
    with open_refused_records(setting_of(storage.setting)) as store:
        for number in range(20):
            store.append(*refused(number, name="x" * 90))
        stored_before_the_end = len(storage.objects())
    assert stored_before_the_end >= 4
    assert sum(len(storage.lines(key)) for key in storage.objects()) == 20


def test_a_check_stores_nothing_and_leaves_no_upload_open(storage):
    check_refused_records(setting_of(storage.setting))
    assert storage.objects() == []
    assert "Uploads" not in storage.client.list_multipart_uploads(Bucket=BUCKET)


def test_a_bucket_that_does_not_exist_is_named_before_anything_is_written(storage):
    _, failure = written(named("created"), {"refused_records": storage.setting | {"s3_bucket_name": "elsewhere"}})
    assert failure.failure_type is FailureType.config_error
    assert "elsewhere" in failure.message
    assert "NoSuchBucket" in failure.message


def test_a_storage_that_nobody_answers_for_is_a_passing_failure_without_keys(storage, monkeypatch):
    monkeypatch.setitem(refused_records_bucket._CONFIG, "retries", {"total_max_attempts": 1})
    update_secrets([*KEYS.values()])
    states, failure = written(
        [*named("created"), state(at=1)], {"refused_records": storage.setting | {"s3_endpoint": "http://127.0.0.1:9"}}
    )
    assert (states, failure.failure_type) == ([], FailureType.transient_error)
    assert not any(key in failure.message for key in KEYS.values())
    assert "127.0.0.1:9 is not known in this network, or nobody answers there; check s3_endpoint" in failure.message


@pytest.mark.parametrize(
    ("status", "code", "configuration"),
    [
        (403, "AccessDenied", True),
        (403, "InvalidAccessKeyId", True),
        (403, "SignatureDoesNotMatch", True),
        (404, "NoSuchBucket", True),
        (301, "PermanentRedirect", True),
        (400, "ExpiredToken", False),
        (400, "RequestTimeout", False),
        (409, "OperationAborted", False),
        (429, "TooManyRequests", False),
        (503, "SlowDown", False),
        (500, "InternalError", False),
    ],
)
def test_a_refusal_is_for_a_person_where_only_settings_or_rights_mend_it(status, code, configuration):
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    assert refused_records_bucket._is_for_a_person(ClientError(answer, "PutObject")) is configuration


@pytest.mark.parametrize(
    ("error", "configuration"),
    [
        (SSLError(endpoint_url="https://x", error="certificate verify failed"), True),
        (NoCredentialsError(), True),
        (EndpointConnectionError(endpoint_url="https://x"), False),
        (ReadTimeoutError(endpoint_url="https://x"), False),
        (ConnectionClosedError(endpoint_url="https://x"), False),
        (CredentialRetrievalError(provider="the pod", error_msg="no answer"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_failure_of_the_network_passes_and_a_certificate_does_not(error, configuration):
    assert refused_records_bucket._is_for_a_person(error) is configuration


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(403, "AccessDenied", FailureType.config_error), (503, "SlowDown", FailureType.transient_error)],
)
def test_a_storage_that_refuses_in_mid_write_keeps_the_state_back(storage, monkeypatch, status, code, kind):
    monkeypatch.setitem(refused_records_bucket._CONFIG, "retries", {"total_max_attempts": 1})
    update_secrets([*KEYS.values()])
    answers = Refusing(status, code, f"Not with {KEYS['secret_access_key']}.")
    monkeypatch.setattr(refused_records_bucket, "_client", answers.added_to(refused_records_bucket._client))
    states, failure = written(
        [*named("created"), state(at=1), *named("refused"), state(at=2)], {"refused_records": storage.setting}
    )
    assert (states, failure.failure_type) == ([1], kind)
    assert (BUCKET in failure.message, code in failure.message) == (True, True)
    assert KEYS["secret_access_key"] not in failure.message
    assert storage.objects() == []


class Refusing:
    """Answers each request to put an object with a refusal, in place of the storage."""

    def __init__(self, status, code, message):
        self.status, self.code, self.message = status, code, message

    def added_to(self, make_client):
        def client(setting):
            made = make_client(setting)
            made.meta.events.register("before-send.s3.PutObject", self.answer)
            return made

        return client

    def answer(self, request, **_):
        body = f"<Error><Code>{self.code}</Code><Message>{self.message}</Message></Error>".encode()

        class Raw:
            def stream(self, **_):
                yield body

        return AWSResponse(request.url, self.status, {}, Raw())


def test_a_failure_that_passes_is_tried_again_and_the_record_is_stored_once(storage, monkeypatch):
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    failing = Refusing(503, "SlowDown", "Slow down.")
    answer, left = failing.answer, iter([True, True])
    failing.answer = lambda request, **_: answer(request) if next(left, False) else None
    monkeypatch.setattr(refused_records_bucket, "_client", failing.added_to(refused_records_bucket._client))
    states, failure = written([*named("refused"), state(at=1)], {"refused_records": storage.setting})
    assert (states, failure, len(storage.objects())) == ([1], None, 1)


def test_an_object_is_sent_as_every_storage_takes_it(storage, monkeypatch):
    sent = []

    class Watching(Refusing):
        def answer(self, request, **_):
            sent.append(request)

    watching = Watching(0, "", "").added_to(refused_records_bucket._client)
    monkeypatch.setattr(refused_records_bucket, "_client", watching)
    written([*named("refused"), state(at=1)], {"refused_records": storage.setting})
    (request,) = sent
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert "content-md5" in headers
    assert not [name for name in headers if name.startswith(("x-amz-checksum", "x-amz-sdk-checksum", "x-amz-trailer"))]
    assert request.url.startswith(f"{storage.address}/{BUCKET}/contacts/")


def test_without_keys_the_pods_own_identity_is_used(storage, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of the pod")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the pod, too")
    keyless = {name: value for name, value in storage.setting.items() if name not in KEYS}
    check_refused_records(setting_of(keyless))


def test_neither_keys_nor_an_identity_is_a_matter_of_configuration(storage):
    keyless = {name: value for name, value in storage.setting.items() if name not in KEYS}
    with pytest.raises(ConnectorError, match="no access key") as raised:
        check_refused_records(setting_of(keyless))
    assert raised.value.configuration


def test_one_key_without_the_other_is_refused_by_the_settings(storage):
    with pytest.raises(ConnectorError, match="both the access key and the secret key") as raised:
        setting_of(storage.setting | {"secret_access_key": ""})
    assert KEYS["access_key_id"] not in raised.value.message


def test_blanks_around_a_pasted_key_do_not_count(storage):
    pasted = setting_of(storage.setting | {"access_key_id": " AKIAOURKEY\n", "secret_access_key": "s3cret\n"})
    assert pasted.keys == ("AKIAOURKEY", "s3cret")


def test_without_boto3_the_extra_is_named(storage, monkeypatch):
    monkeypatch.delitem(sys.modules, "sage100_ssm.connectors.refused_records_bucket")
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ConnectorError, match=r"sage100-ssm\[s3\]") as raised:
        open_refused_records(setting_of(storage.setting))
    assert raised.value.configuration


def test_nothing_of_the_keys_is_logged(storage, caplog):
    caplog.set_level(logging.DEBUG, logger="airbyte")
    written([*named("refused"), state(at=1)], {"refused_records": storage.setting})
    assert not any(key in caplog.text for key in KEYS.values())
    assert boto3.DEFAULT_SESSION is None  # keys of one connector are not left for another in this process
