"""Causes of the steps that every target type shares."""

from __future__ import annotations

from scanready.model import Cause, OtherOwner, Owner, Scope, Step

from .connect import FILTERED as FILTERED
from .connect import LOCAL_LIMIT as LOCAL_LIMIT
from .connect import REFUSED as REFUSED
from .connect import REJECTED as REJECTED
from .connect import UDP_SILENT as UDP_SILENT
from .connect import UNREACHABLE as UNREACHABLE

# agent ------------------------------------------------------------------------------------------------------------

PLATFORM_MISMATCH = Cause(
    "agent.platform-mismatch",
    Owner.AGENT,
    Step.AGENT,
    "The scanner's network requirements specify a different agent platform for this target type.",
    "Scan this target from an agent of the required platform. To preview the verdict, run the check with "
    "`--assume-agent` and that platform.",
    "`scanready types TYPE` shows the required platform; compare it with the agent's operating system.",
    wire="Nothing is sent: the check compares the agent's operating system with the requirement.",
)
DRIVER_MISSING = Cause(
    "agent.driver-missing",
    Owner.AGENT,
    Step.LOGIN,
    "The Python driver that logs in to this target type is not installed or cannot be loaded, so login and access were "
    "not tried.",
    "Install the driver with the command in the detail or in the fix.",
    "On the agent: python -m pip list   # the packages of the extra are missing, or of versions that do not fit",
    definite=False,
    wire="The capture ends before the login: no login message leaves the agent.",
)

# resolve ----------------------------------------------------------------------------------------------------------

NOT_FOUND = Cause(
    "resolve.not-found",
    Owner.OPERATOR,
    Step.RESOLVE,
    "This agent's resolver reports that the name does not exist.",
    "Correct the name in the inventory, or use the fully qualified domain name.",
    "On the agent: getent hosts {host} (Windows: Resolve-DnsName {host})",
    also=(OtherOwner(Owner.NETWORK, "Create the record on the DNS servers that the agent uses."),),
    wire="The DNS server answers the agent's queries for {host} with NXDOMAIN, or with NOERROR and no address record.",
)
NO_ANSWER = Cause(
    "resolve.no-answer",
    Owner.NETWORK,
    Step.RESOLVE,
    "This agent's resolver did not answer or reported a failure. It is unknown whether the name exists.",
    "Check the agent's DNS servers and the path to them (port 53, UDP and TCP).",
    "On the agent: getent hosts {host}; then dig {host} @SERVER for each nameserver of /etc/resolv.conf (Windows: "
    "Resolve-DnsName {host} -Server SERVER for each of Get-DnsClientServerAddress)",
    wire=(
        "The agent repeats its DNS query for {host} to port 53; no reply arrives, or the reply is SERVFAIL or REFUSED."
    ),
)

# tls --------------------------------------------------------------------------------------------------------------

TLS_REQUIRED = Cause(
    "tls.required",
    Owner.SERVER,
    Step.TLS,
    "The server requires encryption before it accepts a login.",
    "Permit unencrypted sessions from this agent, or enable TLS on this port if the service has none.",
    "openssl s_client {starttls}-connect {host}:{port}",
    also=(OtherOwner(Owner.OPERATOR, "Scan the target over TLS, if another port or target type offers it."),),
    wire="The server answers the request in clear text with its protocol's error for a missing TLS session.",
)
TLS_NOT_OFFERED = Cause(
    "tls.not-offered",
    Owner.SERVER,
    Step.TLS,
    "The check asked for TLS, and the server does not offer it on this port.",
    "Enable TLS for this port on the server.",
    "openssl s_client {starttls}-connect {host}:{port}",
    also=(OtherOwner(Owner.OPERATOR, "Correct the port or target type in the inventory: the port has no TLS."),),
    wire="The server answers the agent's ClientHello in clear text, or does not offer STARTTLS.",
)
TLS_VERSION = Cause(
    "tls.version",
    Owner.SERVER,
    Step.TLS,
    "The server supports only TLS versions older than 1.2, which current clients refuse, or shares no version with "
    "this agent.",
    "Enable TLS 1.2 or newer on the server.",
    "openssl s_client {starttls}-connect {host}:{port} -tls1_2",
    wire="The server answers the ClientHello with the alert protocol_version, or its ServerHello selects a version "
    "below TLS 1.2.",
)
TLS_NO_COMMON_CIPHER = Cause(
    "tls.no-common-cipher",
    Owner.SERVER,
    Step.TLS,
    "Agent and server share no TLS cipher suite, curve or signature algorithm.",
    "Enable a current cipher suite on the server.",
    "openssl s_client {starttls}-connect {host}:{port}",
    wire="The server answers the ClientHello with the alert handshake_failure or insufficient_security.",
)
TLS_CLIENT_CERTIFICATE = Cause(
    "tls.client-certificate",
    Owner.SERVER,
    Step.TLS,
    "The server requires a client certificate, and the scanner does not send one.",
    "Exempt this agent from client certificates.",
    "openssl s_client {starttls}-connect {host}:{port}  # look for 'Acceptable client certificate CA names'",
    wire="The server sends a CertificateRequest and rejects the agent's empty Certificate, with a TLS alert "
    "(certificate_required, bad_certificate, handshake_failure) or an error of its protocol.",
    also=(
        OtherOwner(
            Owner.OPERATOR,
            "Give the target another listener of the service that requires no client certificate, if there is one.",
        ),
    ),
)
TLS_FAILED = Cause(
    "tls.failed",
    Owner.SERVER,
    Step.TLS,
    "The TLS handshake or session failed. The alert or error in the detail matches no specific cause.",
    "Look for this alert in the server's TLS log.",
    "openssl s_client {starttls}-connect {host}:{port}",
    scoped=Scope.PATH,
    wire="The server answers the agent's TLS records with the alert named in the detail, with an invalid record, or by "
    "closing the connection.",
)
TLS_EXPIRED = Cause(
    "tls.expired",
    Owner.SERVER,
    Step.TLS,
    "The server's certificate, or a CA certificate in its chain, is outside its validity period.",
    "On the server, renew the expired certificate that the detail names.",
    "openssl s_client {starttls}-connect {host}:{port} </dev/null | openssl x509 -noout -dates   # compare "
    "with the agent's clock: date",
    wire="The Certificate message has a notAfter in the past or a notBefore in the future (TLS 1.3 encrypts it).",
)
TLS_EXPIRES_SOON = Cause(
    "tls.expires-soon",
    Owner.SERVER,
    Step.TLS,
    "The server's certificate, or a CA certificate in its chain, is valid now and ends within days.",
    "On the server, renew the certificate before that date. A scan that runs then would fail.",
    "openssl s_client {starttls}-connect {host}:{port} </dev/null | openssl x509 -noout -dates",
    wire="The server's Certificate message has a notAfter in the near future (TLS 1.3 encrypts it).",
)
TLS_NAME_MISMATCH = Cause(
    "tls.name-mismatch",
    Owner.SERVER,
    Step.TLS,
    "The certificate does not contain the name by which the inventory addresses this target, or the server "
    "rejects this name in the TLS handshake (SNI).",
    "Reissue the certificate with this name.",
    "openssl s_client {starttls}-connect {host}:{port} </dev/null | openssl x509 -noout -ext subjectAltName",
    also=(OtherOwner(Owner.OPERATOR, "Address the target by a name in the certificate."),),
    wire="The server's Certificate message lacks {host} in subjectAltName (TLS 1.3 encrypts this message), or the "
    "server answers the ClientHello with the alert unrecognized_name.",
)
TLS_UNTRUSTED = Cause(
    "tls.untrusted",
    Owner.SERVER,
    Step.TLS,
    "This agent does not trust the certificate's issuer, or the server does not send the intermediate certificates.",
    "Configure the server to send the whole chain, up to a CA that the agent trusts.",
    "openssl s_client {starttls}-connect {host}:{port} -showcerts </dev/null  # look at 'Verify return code'",
    also=(OtherOwner(Owner.AGENT, "Install the issuing CA certificate on the agent."),),
    wire="The server's Certificate message contains no chain to a root of the agent's trust store (TLS 1.3 encrypts "
    "this message).",
)
TLS_INTERCEPTED = Cause(
    "tls.intercepted",
    Owner.NETWORK,
    Step.TLS,
    "A TLS inspection device intercepts the connection: it issued the certificate.",
    "Exempt the target from TLS inspection for this agent.",
    "openssl s_client {starttls}-connect {host}:{port} </dev/null | openssl x509 -noout -issuer",
    also=(OtherOwner(Owner.AGENT, "Install the device's CA certificate on the agent, if the inspection is to stay."),),
    wire="The Certificate message names the inspection device as the issuer (TLS 1.3 encrypts this message).",
)

TLS_TOO_SLOW = Cause(
    "tls.too-slow",
    Owner.SERVER,
    Step.TLS,
    "The server did not finish the TLS handshake, or did not answer STARTTLS, within this check's time limit.",
    "Check the server's load. Look for a device in the path that inspects or delays TLS. Or give the check more "
    "time with --timeout.",
    "time openssl s_client {starttls}-connect {host}:{port} </dev/null",
    definite=False,
    may_count=True,
    wire="The server acknowledges the agent's ClientHello or STARTTLS request; its answer does not arrive, or stays "
    "incomplete, until the agent closes the connection.",
)

# handshake --------------------------------------------------------------------------------------------------------

SILENT = Cause(
    "handshake.silent",
    Owner.NETWORK,
    Step.HANDSHAKE,
    "The port accepts the connection but sends no data. Possible causes: a SYN proxy, a load balancer without a "
    "backend, a hung service, a listener that expects the PROXY protocol, or another service that waits for the client "
    "to speak first.",
    "Find the device that answers on this port, such as a proxy or a load balancer. Check that it has a backend.",
    "On the target: check that the process is running and not hung. On the agent: nc {host} {port}   # wait for output",
    also=(
        OtherOwner(
            Owner.SERVER, "Check on the target that the service on this port is running. Restart it if it hangs."
        ),
        OtherOwner(
            Owner.OPERATOR,
            "If the service waits for the client to speak first, it is not the expected one: correct the port or "
            "the target type in the inventory.",
        ),
    ),
    wire="The TCP handshake completes and the server acknowledges the agent's data; it sends no payload before the "
    "agent closes the connection.",
)
HUNG_UP = Cause(
    "handshake.hung-up",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server accepted the connection and closed it without sending any data. (Over TLS: the handshake "
    "succeeded, but no data followed.) Possible causes: a host access list, a ban by a tool such as fail2ban, "
    "a load balancer without a backend, a listener that expects the PROXY protocol, or a port that requires "
    "TLS.",
    "If the port requires TLS, have the target checked over TLS (for a web page, `https://`). At a load "
    "balancer, check that a backend is up and that both sides agree on the PROXY protocol (`accept-proxy`, "
    "`send-proxy`). Otherwise find the reason in the service's log, permit this agent in the host access list, "
    "and look for a ban (fail2ban).",
    "On the target: read the service's log for the time of the check; look for the agent's address in /etc/hosts.deny.",
    scoped=Scope.PATH,
    may_count=True,
    wire="After the TCP or the TLS handshake, the server sends FIN or RST before any byte of the protocol.",
    also=(OtherOwner(Owner.OPERATOR, "If the port requires TLS, change the target to the type that uses TLS."),),
)
BROKEN_OFF = Cause(
    "handshake.broken-off",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server answered, then closed the connection before the protocol's handshake was complete. Possible causes: a "
    "connection limit, a ban, a fault of the service or its backend, or a device in the path that inspects this "
    "protocol.",
    "Find the reason in the service's log at the time of the check: a connection limit, a ban (fail2ban), a "
    "rule about this agent's address (a host access list), a backend that is down, or a crash.",
    "On the target: read the service's log for the time of the check; look for the agent's address in /etc/hosts.deny.",
    scoped=Scope.PATH,
    may_count=True,
    wire="The server sends some bytes of the expected protocol, then FIN or RST.",
)
PROXY_HEADER = Cause(
    "handshake.proxy-header",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server rejects data that this agent did not send. A load balancer in front of it adds a PROXY protocol "
    "header, and the server does not expect one.",
    "At the load balancer, disable the PROXY protocol for this backend (HAProxy: `send-proxy`, `send-proxy-v2`; nginx: "
    "`proxy_protocol on`). Or configure the server to expect it from the load balancer's address.",
    "On the target: read the service's log for the time of the check; look for a line that begins with PROXY.",
    definite=False,
    wire="The server's error answers a line that is not in the agent's packets. Between load balancer and server, the "
    "session begins with a PROXY protocol header.",
)
OTHER_PROTOCOL = Cause(
    "handshake.other-protocol",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "Another service is listening on this port.",
    "Correct the port or the target type in the inventory.",
    "On the agent: nc {host} {port}   # or: curl -v telnet://{host}:{port}",
    also=(
        OtherOwner(Owner.SERVER, "Make the expected service listen on this port; ss -ltnp shows which process has it."),
    ),
    wire="The first bytes from {port} are the greeting or the error of another protocol.",
)
MALFORMED = Cause(
    "handshake.malformed",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server's answer violates the expected protocol, or is too short to identify.",
    "Check the service and every device in the path (proxy, load balancer, protocol-aware firewall).",
    "Repeat with --transcript FILE and look at the bytes.",
    scoped=Scope.PATH,
    also=(OtherOwner(Owner.OPERATOR, "Correct the port or the target type, if another service listens there."),),
    wire=(
        "A message from the server is truncated, or has a length or a field that the expected protocol does not allow."
    ),
)
TOO_SLOW = Cause(
    "handshake.too-slow",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server began the expected protocol but did not finish its answer within this check's time limit.",
    "Check the server's load, and that its DNS servers answer (for its own name and for the client's). Look for a "
    "tarpit. Or give the check more time with --timeout.",
    "On the agent: time nc {host} {port}",
    definite=False,
    may_count=True,
    wire="The server sends part of its answer, or only completes TLS; the rest does not arrive before the agent closes "
    "the connection.",
)
THROTTLED = Cause(
    "handshake.throttled",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server limits or penalises connections from this agent. The check sent no further probe.",
    "Exempt the agent's address from the limit, or wait until the limit clears. Then check again.",
    "On the target: read the service's log for the time of the check.",
    definite=False,
    scoped=Scope.PATH,
    wire="The server answers with its protocol's message for too many connections or requests, then usually closes the "
    "connection.",
)

# login and access ---------------------------------------------------------------------------------------------------

LOGIN_REFUSED = Cause(
    "login.refused",
    Owner.IDENTITY,
    Step.LOGIN,
    "The server rejected the credential.",
    "Correct the password or the account. Until then scanready does not use the credential for targets that may share "
    "it.",
    "Log in manually with the same account, once.",
    scoped=Scope.ACCOUNT,
    wire="The server answers the login message with its protocol's error for rejected credentials.",
)
LOGIN_LOCKED = Cause(
    "login.locked",
    Owner.IDENTITY,
    Step.LOGIN,
    "The account is locked or disabled.",
    "Unlock the account, or enable it.",
    "Look up the account's state in the directory or on the server.",
    scoped=Scope.ACCOUNT,
    wire="The server answers the login message with its protocol's error for a locked or disabled account.",
)
LOGIN_EXPIRED = Cause(
    "login.expired",
    Owner.IDENTITY,
    Step.LOGIN,
    "The account or its password has expired.",
    "Set a new password, and exempt the scan account from expiry if policy permits.",
    "Look up the account's state in the directory or on the server.",
    scoped=Scope.ACCOUNT,
    wire="The server answers the login message with its protocol's error for an expired account or password.",
)
LOGIN_WITHHELD = Cause(
    "login.withheld",
    Owner.OPERATOR,
    Step.LOGIN,
    "The login was not tried, to protect the account.",
    "Correct the credential that was rejected before, or try it again once (`scanready credentials --forget NAME`, or "
    "`verify --retry-refused=NAME`); enable TLS at the target, or permit the login without TLS (`allow_cleartext: "
    "true`). The detail says which of these applies.",
    "Run `scanready check` for only this target with the corrected credential.",
    definite=False,
    wire="The exchange ends before the login: the agent sends no credential.",
)
LOGIN_NOT_JUDGED = Cause(
    "login.not-judged",
    Owner.SERVER,
    Step.LOGIN,
    "The login ended before the password was sent: the server closed it, or accepted the client without a password. "
    "It is unknown whether the account works.",
    "Check the server's log at the time of the check: it may not allow this kind of login, or a device in the path may "
    "answer in its place.",
    "Log in manually with the same account, once.",
    definite=False,
    wire="The server ends or accepts the login before the agent sends the message that carries the password.",
)
ACCESS_DENIED = Cause(
    "access.denied",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but the account may not read the data that a scan reads.",
    "Grant the scan account read access.",
    "Read one object manually with the same account.",
    of_database=Owner.DATABASE,
    wire="The server accepts the login, then answers the first read request with its protocol's permission error.",
)
ACCESS_NOT_FOUND = Cause(
    "access.not-found",
    Owner.OPERATOR,
    Step.ACCESS,
    "The login works, but the path, share, database or folder does not exist.",
    "Correct the name in the inventory.",
    "List the existing names manually with the same account.",
    wire="The server accepts the login, then answers the request for the named object with its protocol's not-found "
    "error.",
)

# ourselves ----------------------------------------------------------------------------------------------------------

LIMIT = Cause(
    "scanready.limit",
    Owner.SCANREADY,
    Step.HANDSHAKE,
    "A limit of scanready, or of a library it uses, prevented the check. This says nothing about the target.",
    "Check the target manually with the scanner's own client, which may not have the limit in the detail.",
    "Try the step manually with the scanner's own client.",
    definite=False,
    wire="The server's answer is in the capture; scanready, or a library it uses, rejects or cannot read it.",
)
NOT_FOLLOWED = Cause(
    "scanready.not-followed",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The target refers the client to an address that scanready does not contact on a server's word: the agent itself, "
    "a link-local or metadata address, a port of another host, or another service's well-known port. Nothing was sent "
    "there.",
    "If that address is right, add it to the inventory with its `host` and `port`. Otherwise correct the referral on "
    "the target.",
    "Connect to that address manually, from another host than the agent.",
    definite=False,
    wire="The server's answer names another address or port (a redirect or referral); no packet from the agent goes "
    "there.",
)
BUG = Cause(
    "scanready.bug",
    Owner.SCANREADY,
    Step.HANDSHAKE,
    "scanready failed with an unexpected error. Please report it with the detail.",
    "Report it with the output of `scanready check -v --transcript FILE` for this target.",
    "Run the same check again.",
    definite=False,
    wire="The capture shows nothing specific: the error is inside scanready.",
)
OUT_OF_TIME = Cause(
    "scanready.out-of-time",
    Owner.OPERATOR,
    Step.CONNECT,
    "The time limit for this target ended before the check was complete.",
    "Give it more time: --timeout SECONDS, or `timeout:` in the inventory.",
    "Run the check again with --timeout 30.",
    definite=False,
    may_count=True,
    wire="The agent closes the connection when its time limit ends; the packets before that are normal or slow.",
)
