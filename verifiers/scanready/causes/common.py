"""Causes of the rungs that every target type shares."""

from __future__ import annotations

from scanready.model import Cause, OtherOwner, Owner, Scope, Step

# agent ------------------------------------------------------------------------------------------------------------

CLIENT_MISSING = Cause(
    "agent.client-missing",
    Owner.AGENT,
    Step.AGENT,
    "The scanner needs a client program on this agent that is not there.",
    "Install on the agent the program that the detail names, as the fix says.",
    "On the agent: start the program that the detail names.",
)
PLATFORM_MISMATCH = Cause(
    "agent.platform-mismatch",
    Owner.AGENT,
    Step.AGENT,
    "The network requirements demand an agent of another platform for this target type.",
    "Scan this target from an agent of the demanded platform; --assume-agent checks what such an agent would see.",
    "Compare `scanready types` with the agent's operating system.",
)
DRIVER_MISSING = Cause(
    "agent.driver-missing",
    Owner.AGENT,
    Step.LOGIN,
    "The Python driver that logs in to this target type is not installed, so login and access were not tried.",
    "Install the extra that the detail names, for example: pip install 'scanready[all]'.",
    "On the agent: python -m pip list   # what the extra installs is not in it",
    definite=False,
)

# resolve ----------------------------------------------------------------------------------------------------------

NOT_FOUND = Cause(
    "resolve.not-found",
    Owner.OPERATOR,
    Step.RESOLVE,
    "The name does not exist, as this agent resolves it.",
    "Correct the name in the inventory, or use the full domain name.",
    "On the agent: getent hosts {host}",
    also=(OtherOwner(Owner.NETWORK, "Create the record in the DNS that the agent asks."),),
)
NO_ANSWER = Cause(
    "resolve.no-answer",
    Owner.NETWORK,
    Step.RESOLVE,
    "The resolver of this agent did not answer, or answered with a failure; whether the name exists is not known.",
    "Check the agent's DNS servers and the way to them (port 53, udp and tcp).",
    "On the agent: getent hosts {host}; then dig {host} @each-server of /etc/resolv.conf",
)

# connect ----------------------------------------------------------------------------------------------------------

REFUSED = Cause(
    "connect.refused",
    Owner.SERVER,
    Step.CONNECT,
    "The host answered with a reset: nothing listens on this port, or a firewall answers with a reset in its place.",
    "Start the service, and let it listen on this address (not only on localhost).",
    "On the target: ss -ltn 'sport = :{port}'. On the agent: nc -vz {host} {port}",
    also=(OtherOwner(Owner.OPERATOR, "Correct the port in the inventory, if the service listens on another one."),),
)
FILTERED = Cause(
    "connect.filtered",
    Owner.NETWORK,
    Step.CONNECT,
    "No answer at all: something on the way drops the packets, or the host is off.",
    "Permit the connection from this agent on every firewall between the two, including the target's own.",
    "On the agent: nc -vz -w 5 {host} {port}   # if another port of the host answers, it is a port filter",
)
REJECTED = Cause(
    "connect.rejected",
    Owner.NETWORK,
    Step.CONNECT,
    "A router or firewall on the way said no, with an ICMP message.",
    "Permit the connection from this agent on the device that the detail names.",
    "On the agent: nc -vz {host} {port} while tcpdump -n icmp shows who rejects.",
)
UNREACHABLE = Cause(
    "connect.unreachable",
    Owner.NETWORK,
    Step.CONNECT,
    "There is no route to the host, or the host is not there.",
    "Check that the host is up, and the routing between agent and target.",
    "On the agent: ip route get {host}; ping {host}; traceroute {host}",
)
UDP_SILENT = Cause(
    "connect.udp-silent",
    Owner.NETWORK,
    Step.CONNECT,
    "Nobody answered over UDP, which proves nothing: a firewall drops the packets, or the service ignores strangers, "
    "or it is not there.",
    "Permit UDP from this agent to the port on every firewall between the two; then look whether the service runs.",
    "On the agent: nc -u -vz {host} {port}; on the target: ss -lnu 'sport = :{port}'",
    definite=False,
)
LOCAL_LIMIT = Cause(
    "connect.local-limit",
    Owner.AGENT,
    Step.CONNECT,
    "This agent could not even send: out of file descriptors, out of ports, or not permitted by its own policy.",
    "Raise the limit the detail names (ulimit -n, net.ipv4.ip_local_port_range), lower --concurrency, "
    "or permit the connection in the agent's own firewall.",
    "On the agent: ulimit -n; ss -s; nft list ruleset",
)

# tls --------------------------------------------------------------------------------------------------------------

TLS_REQUIRED = Cause(
    "tls.required",
    Owner.SERVER,
    Step.TLS,
    "The target demands encryption before it talks about logins.",
    "Permit unencrypted sessions from this agent; or offer TLS here, if the service has none.",
    "openssl s_client {starttls}-connect {host}:{port}",
    also=(OtherOwner(Owner.OPERATOR, "Scan the target over TLS, if it is offered on a port or as a type of its own."),),
)
TLS_NOT_OFFERED = Cause(
    "tls.not-offered",
    Owner.SERVER,
    Step.TLS,
    "Encryption was asked for, and the target does not offer it on this port.",
    "Switch TLS on at the server, for this port.",
    "openssl s_client {starttls}-connect {host}:{port}",
    also=(OtherOwner(Owner.OPERATOR, "Correct port or target type in the inventory: the port speaks plain text."),),
)
TLS_VERSION = Cause(
    "tls.version",
    Owner.SERVER,
    Step.TLS,
    "The target speaks only TLS versions that current clients refuse (older than TLS 1.2), or none in common.",
    "Enable TLS 1.2 or newer on the server.",
    "openssl s_client {starttls}-connect {host}:{port} -tls1_2",
)
TLS_NO_COMMON_CIPHER = Cause(
    "tls.no-common-cipher",
    Owner.SERVER,
    Step.TLS,
    "Agent and target share no TLS cipher suite, curve or signature algorithm.",
    "Enable a current cipher suite on the server.",
    "openssl s_client {starttls}-connect {host}:{port}",
)
TLS_CLIENT_CERTIFICATE = Cause(
    "tls.client-certificate",
    Owner.SERVER,
    Step.TLS,
    "The target demands a client certificate, which the scanner does not send.",
    "Exempt this agent from client certificates, or scan another listener of the service.",
    "openssl s_client {starttls}-connect {host}:{port}  # look for 'Acceptable client certificate CA names'",
)
TLS_FAILED = Cause(
    "tls.failed",
    Owner.SERVER,
    Step.TLS,
    "The TLS handshake failed in a way that has no cause of its own; the detail has the alert or error.",
    "Look for this alert in the server's TLS log.",
    "openssl s_client {starttls}-connect {host}:{port}",
)
TLS_EXPIRED = Cause(
    "tls.expired",
    Owner.SERVER,
    Step.TLS,
    "The certificate, or one of the authorities between it and a trusted root, is outside its validity period.",
    "Renew on the server what the detail names (or correct the agent's clock, if that is what is wrong).",
    "openssl s_client {starttls}-connect {host}:{port} </dev/null | openssl x509 -noout -dates",
)
TLS_NAME_MISMATCH = Cause(
    "tls.name-mismatch",
    Owner.SERVER,
    Step.TLS,
    "The certificate is for other names than the one this target is addressed by, or the server knows no site of "
    "this name and refuses to show one.",
    "Have the certificate reissued with this name.",
    "openssl s_client {starttls}-connect {host}:{port} </dev/null | openssl x509 -noout -ext subjectAltName",
    also=(OtherOwner(Owner.OPERATOR, "Address the target by a name that the certificate carries."),),
)
TLS_UNTRUSTED = Cause(
    "tls.untrusted",
    Owner.SERVER,
    Step.TLS,
    "The certificate was not issued by an authority that this agent trusts, or the server does not send its chain.",
    "Have the server send the whole chain, up to an authority that the agent trusts.",
    "openssl s_client {starttls}-connect {host}:{port} -showcerts </dev/null  # look at 'Verify return code'",
    also=(OtherOwner(Owner.AGENT, "Install the issuing authority on the agent."),),
)
TLS_INTERCEPTED = Cause(
    "tls.intercepted",
    Owner.NETWORK,
    Step.TLS,
    "A TLS inspection device answers in place of the target: the certificate is issued by the device.",
    "Exempt the target from TLS inspection for this agent.",
    "openssl s_client {starttls}-connect {host}:{port} </dev/null | openssl x509 -noout -issuer",
    also=(OtherOwner(Owner.AGENT, "Install the device's authority on the agent, if the inspection is to stay."),),
)

TLS_TOO_SLOW = Cause(
    "tls.too-slow",
    Owner.SERVER,
    Step.TLS,
    "The server did not finish the TLS handshake, or did not answer the request for one (STARTTLS), within the time "
    "this check was given.",
    "Look at the load of the server, and for a device in the path that inspects or delays TLS; or give the check more "
    "time with --timeout.",
    "time openssl s_client {starttls}-connect {host}:{port} </dev/null",
    definite=False,
    may_count=True,
)

# handshake --------------------------------------------------------------------------------------------------------

SILENT = Cause(
    "handshake.silent",
    Owner.NETWORK,
    Step.HANDSHAKE,
    "The port accepts connections but nobody speaks: a SYN proxy, a load balancer without a backend, a hung "
    "service, a listener that expects the PROXY protocol, or a service of another kind that waits for its client to "
    "begin.",
    "Find what answers on this port: a proxy or a load balancer in the path, and whether it has a backend.",
    "On the agent: nc {host} {port}   # and wait. On the target: is the service's process running and not stuck?",
    also=(
        OtherOwner(
            Owner.SERVER, "Look on the target whether the service behind the port runs, and restart it if it hangs."
        ),
        OtherOwner(
            Owner.OPERATOR,
            "Correct port or target type in the inventory, if the service waits for its client to begin.",
        ),
    ),
)
HUNG_UP = Cause(
    "handshake.hung-up",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The connection was accepted and closed before the server's first byte (in TLS: before the first one inside). That "
    "is a host access list, an intrusion ban, a load balancer without a backend, a listener that expects the PROXY "
    "protocol, or a port that wants TLS first.",
    "Check the port over TLS (`https://` for `http://`) if a check without TLS heard nothing. At a load balancer, look "
    "for a backend that is up, and for the PROXY protocol on one side only (`accept-proxy`, `send-proxy`). Else look "
    "at the service's log for the reason, permit this agent in the host access list, and look for a ban (fail2ban).",
    "On the target: the service's log at the time of the check; grep for the agent's address in /etc/hosts.deny.",
    may_count=True,
)
BROKEN_OFF = Cause(
    "handshake.broken-off",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server answered, and closed the connection before the handshake of the protocol was complete: a limit or a "
    "ban of the service, a fault of it or of its backend, or a device in the path that inspects this protocol.",
    "Look at the service's log for the reason at the time of the check: a limit of connections, a ban (fail2ban), a "
    "rule about this agent's address (a host access list), a backend that is down, or a crash.",
    "On the target: the service's log at the time of the check; grep for the agent's address in /etc/hosts.deny.",
    may_count=True,
)
PROXY_HEADER = Cause(
    "handshake.proxy-header",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server complains of words that this agent did not send. A load balancer in front of it sends the header of "
    "the PROXY protocol first, and the server does not expect one.",
    "At the load balancer, take the PROXY protocol out of this backend (HAProxy: `send-proxy`, `send-proxy-v2`; nginx: "
    "`proxy_protocol on`); or let the server expect it from the load balancer's address.",
    "On the target: the service's log at the time of the check shows a line that begins with PROXY.",
    definite=False,
)
OTHER_PROTOCOL = Cause(
    "handshake.other-protocol",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "Something else than the expected service answers on this port.",
    "Correct the port or the target type in the inventory.",
    "On the agent: nc {host} {port}   # or: curl -v telnet://{host}:{port}",
    also=(
        OtherOwner(
            Owner.SERVER,
            "Let the expected service listen on this port, if it should be here; ss -ltnp names what has the port.",
        ),
    ),
)
MALFORMED = Cause(
    "handshake.malformed",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The answer begins like the expected protocol, or is too short to tell, and breaks its rules.",
    "Check the service and whatever sits between (proxy, load balancer, protocol-aware firewall).",
    "Repeat with --transcript FILE and look at the bytes.",
    also=(OtherOwner(Owner.OPERATOR, "Correct the port or the target type, if another service listens there."),),
)
TOO_SLOW = Cause(
    "handshake.too-slow",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The right protocol began, but did not finish within the time this check was given.",
    "Look at the load of the server, whether its DNS servers answer (for its own name, and for the caller's), "
    "and for a tarpit; or give the check more time with --timeout.",
    "On the agent: time nc {host} {port}",
    definite=False,
    may_count=True,
)
THROTTLED = Cause(
    "handshake.throttled",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The target is limiting or penalising connections of this agent; no further probe was sent.",
    "Wait, then exempt the agent's address from the limit that the detail names.",
    "On the target: the service's log at the time of the check.",
    definite=False,
)
NEIGHBOUR_UNKNOWN = Cause(
    "master.neighbour-unknown",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The connection stands, as a Master Server's would. That proves something only if another port of the same host "
    "does not take connections likewise, and that is not known.",
    "Run the check without --no-canary, and with a --timeout of 10 seconds or more.",
    "On the agent: nc -vz -w 5 {host} 64937   # it should be refused",
    definite=False,
)
FALSE_OPEN = Cause(
    "handshake.false-open",
    Owner.NETWORK,
    Step.HANDSHAKE,
    "The same protocol answers on a port of this host that no service uses: a proxy, redirect or honeypot answers "
    "for every port, so this answer proves nothing about the target.",
    "Have the agent exempted from the device that answers in the target's place.",
    "On the agent: connect to an arbitrary high port of {host}; it should be refused.",
    definite=False,
)

# the login prompt ---------------------------------------------------------------------------------------------------

IDENTITY_INVENTED = Cause(
    "auth.identity-invented",
    Owner.OPERATOR,
    Step.AUTH,
    "The target names no user or no database, so the question was asked with a name that scanready put in its place, "
    "and the server refused that. What the server does with the scan's own user and database is not known.",
    "Name the scan's user and database: give a credential, or the options `user`, `database` and `uid`, where the type "
    "has them.",
    "Log in manually with the scan's own account and database, once.",
    definite=False,
)

# login and access ---------------------------------------------------------------------------------------------------

LOGIN_REFUSED = Cause(
    "login.refused",
    Owner.IDENTITY,
    Step.LOGIN,
    "The target refused the credential.",
    "Correct the password or the account. Until then the credential is withheld from the targets that may share it.",
    "Log in by hand with the same account, once.",
    scoped=Scope.ACCOUNT,
)
LOGIN_LOCKED = Cause(
    "login.locked",
    Owner.IDENTITY,
    Step.LOGIN,
    "The account is locked or disabled.",
    "Unlock the account.",
    "Ask the directory or the server for the account's state.",
    scoped=Scope.ACCOUNT,
)
LOGIN_EXPIRED = Cause(
    "login.expired",
    Owner.IDENTITY,
    Step.LOGIN,
    "The account or its password has expired.",
    "Set a new password, and exempt the scan account from expiry if policy permits.",
    "Ask the directory or the server for the account's state.",
    scoped=Scope.ACCOUNT,
)
LOGIN_WITHHELD = Cause(
    "login.withheld",
    Owner.OPERATOR,
    Step.LOGIN,
    "The login was not tried, to protect the account.",
    "See the detail: correct the credential that was refused before, enable TLS at the target, or permit the login "
    "without it (`allow_cleartext: true`).",
    "Run `scanready check` for this target alone with the corrected credential.",
    definite=False,
)
LOGIN_NOT_TRIED = Cause(
    "login.not-tried",
    Owner.OPERATOR,
    Step.LOGIN,
    "The target has a credential, and the verifier of its type did not log in with it: whether the account works is "
    "unknown.",
    "Remove the credential from the target to check it up to the login prompt only, or ask the authors of the package "
    "that brings the type for a login (`scanready types TYPE` lists its steps).",
    "Log in manually with the same account, once.",
    definite=False,
)
LOGIN_NOT_JUDGED = Cause(
    "login.not-judged",
    Owner.SERVER,
    Step.LOGIN,
    "The server ended the login, or did without it, before the secret was sent: it judged neither account nor "
    "password.",
    "Look at the server's log for the time of the check: it may permit no such login, or something in front of it "
    "answers in its place.",
    "Log in manually with the same account, once.",
    definite=False,
)
ACCESS_DENIED = Cause(
    "access.denied",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but the account may not read what a scan would read.",
    "Grant the scan account read access.",
    "Read one object by hand with the same account.",
    of_database=Owner.DATABASE,
)
ACCESS_NOT_FOUND = Cause(
    "access.not-found",
    Owner.OPERATOR,
    Step.ACCESS,
    "The login works, but the path, share, database or folder does not exist.",
    "Correct the name in the inventory.",
    "List what exists by hand with the same account.",
)

# ourselves ----------------------------------------------------------------------------------------------------------

LIMIT = Cause(
    "scanready.limit",
    Owner.SCANREADY,
    Step.HANDSHAKE,
    "A limit of this tool or of a library it uses kept the answer from us; it says nothing about the target.",
    "See the detail. The scanner's own client may succeed where ours cannot.",
    "Try the step by hand with the scanner's own client.",
    definite=False,
)
NOT_FOLLOWED = Cause(
    "scanready.not-followed",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The target names a place to go on at where scanready does not go on a peer's word: this agent itself, a "
    "link-local or metadata address, a port of another host, or a port that another service is known by. Nothing was "
    "sent there.",
    "If the place is right, put it in the inventory, with its `host` and `port`; else correct what names it on the "
    "target.",
    "Ask for it manually, from another host than the agent.",
    definite=False,
)
BUG = Cause(
    "scanready.bug",
    Owner.SCANREADY,
    Step.HANDSHAKE,
    "An error of this tool that nobody translated; please report it with the detail.",
    "Report it with the output of `scanready check -v --transcript FILE` for this target.",
    "Run the same check again.",
    definite=False,
)
NOT_BUILT = Cause(
    "scanready.not-built",
    Owner.SCANREADY,
    Step.AGENT,
    "This target type is in the catalogue, but this version has no verifier for it yet. Nothing was contacted.",
    "Check the requirement by hand (`scanready types TYPE` lists its ports), or use a newer version.",
    "scanready types",
    definite=False,
)
DEPTH_LIMITED = Cause(
    "scanready.depth-limited",
    Owner.OPERATOR,
    Step.CONNECT,
    "Nothing failed as far as was asked, but --depth ends below the login prompt, and an open port proves nothing.",
    "Ask for more: --depth auth.",
    "Run the check again without --depth.",
    definite=False,
)
OUT_OF_TIME = Cause(
    "scanready.out-of-time",
    Owner.OPERATOR,
    Step.CONNECT,
    "The time given to this target ended before the climb did.",
    "Give it more time: --timeout SECONDS, or `timeout:` in the inventory.",
    "Run the check again with --timeout 30.",
    definite=False,
    may_count=True,
)
