"""Networks that fail, dawdle, or lead elsewhere; proxies and certificates of one's own."""

import ipaddress
import ssl
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from amplitude_simulator import Fault, Project, Simulator
from harness.limits import scaled
from harness.moments import FIRST_HOUR, NOW
from harness.runs import Command, a_config
from integration_tests.faults.expect import assert_failed, assert_whole

NIGHT = datetime(2024, 3, 15, 10, tzinfo=timezone.utc)


def test_given_no_answer_in_time_then_the_window_is_split(simulator: Simulator, command: Command) -> None:
    simulator.faults.append(Fault("hang", hour=NIGHT, times=2))
    outcome = command.read(settings={"export.download.READ_TIMEOUT_SECONDS": scaled(1)})
    assert_whole(outcome, simulator)
    assert len([request for request in simulator.log if request.params["start"] >= "20240315T00"]) > 2


def test_given_a_server_that_accepts_and_never_answers_then_a_transient_error(
    simulator: Simulator, command: Command
) -> None:
    simulator.faults.append(Fault("hang"))
    outcome = command.read(settings={"export.download.READ_TIMEOUT_SECONDS": 0.1})
    assert_failed(outcome, simulator, "transient_error", "no answer within")


def test_given_a_body_that_trickles_then_it_is_fetched_again(simulator: Simulator, command: Command) -> None:
    simulator.faults.append(Fault("slow_body", bytes_per_second=20, hour=NIGHT, times=1))
    outcome = command.read(settings={"http.body.STALL_SECONDS": scaled(1)})
    assert_whole(outcome, simulator)
    assert "stalled" in outcome.log


def test_given_a_byte_a_second_without_end_then_a_transient_error(simulator: Simulator, command: Command) -> None:
    simulator.faults.append(Fault("slow_body", bytes_per_second=1))
    outcome = command.read(settings={"http.body.STALL_SECONDS": 0.2})
    assert_failed(outcome, simulator, "transient_error", "stalled")


def test_given_a_slow_but_steady_body_then_it_is_read(simulator: Simulator, command: Command) -> None:
    simulator.faults.append(Fault("slow_body", bytes_per_second=60_000))
    settings = {"http.body.STALL_SECONDS": scaled(0.3), "export.download.READ_TIMEOUT_SECONDS": scaled(5)}
    assert_whole(command.read(a_config(simulator, batch_size_hours=8), settings=settings), simulator)
    assert not [request for request in simulator.log if request.status != 200]


@pytest.mark.parametrize(
    ("address", "told"),
    [("http://amplitude.invalid", "amplitude.invalid"), ("http://127.0.0.1:9", "refused")],
    ids=["no such host", "nobody listens"],
)
def test_given_nobody_there_then_a_transient_error(
    simulator: Simulator, command: Command, address: str, told: str
) -> None:
    command.environment["AMPLITUDE_API_URL"] = address
    outcome = command.read()
    assert_failed(outcome, simulator, "transient_error", told)
    assert "no connection for" in outcome.log


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody trusts, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulator")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2024, 1, 1, tzinfo=timezone.utc))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.mark.parametrize("trusted", [False, True])
def test_tls_is_verified_and_own_authorities_are_taken_from_the_environment(
    certificate: Path, tmp_path: Path, trusted: bool
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with Simulator(Project(first_hour=FIRST_HOUR), now=NOW, tls=tls) as simulator:
        command = Command(simulator, tmp_path)
        if trusted:
            command.environment["REQUESTS_CA_BUNDLE"] = str(certificate)
            assert_whole(command.read(), simulator)
        else:
            # No option switches the verification off, whatever it might be called.
            options = {"verify": False, "verify_ssl": False, "insecure": True}
            failed = command.read(a_config(simulator, **options))
            assert_failed(failed, simulator, "transient_error", "CERTIFICATE_VERIFY_FAILED")
            assert simulator.log == [], "no key was sent"


def test_given_a_proxy_then_requests_go_through_it(simulator: Simulator, command: Command) -> None:
    command.environment |= {
        "AMPLITUDE_API_URL": "http://amplitude.invalid/us", "HTTP_PROXY": simulator.url, "NO_PROXY": "",
    }  # fmt: skip
    assert_whole(command.read(), simulator)


def test_given_a_redirect_to_another_host_then_the_keys_do_not_go_there(
    a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator, elsewhere = a_simulator(), a_simulator()
    address = elsewhere.url.replace("127.0.0.1", "localhost") + "/api/2/export?start=20240313T00&end=20240313T23"
    simulator.faults.append(Fault("status", status=302, headers={"Location": address}))
    command = Command(simulator, tmp_path)
    outcome = command.read()
    assert outcome.exit_code == 1
    assert outcome.records() == []
    assert elsewhere.log, "the redirect was followed"
    assert {request.authorization for request in elsewhere.log} == {None}


def test_given_https_that_redirects_to_http_then_nothing_is_sent_there(
    certificate: Path, a_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    elsewhere = a_simulator()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with Simulator(Project(first_hour=FIRST_HOUR), now=NOW, tls=tls) as simulator:
        simulator.faults.append(Fault("status", status=302, headers={"Location": elsewhere.url}))
        command = Command(simulator, tmp_path)
        command.environment["REQUESTS_CA_BUNDLE"] = str(certificate)
        assert_failed(
            command.read(), simulator, "transient_error", "a redirect from https to http, which is not follow"
        )
    assert elsewhere.log == []
