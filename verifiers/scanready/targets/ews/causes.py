"""Define the causes of Exchange Web Services: who answers at the endpoint, how it authenticates, what EWS reports."""

from __future__ import annotations

from scanready.model import Cause, OtherOwner, Owner, Scope, Step

_CURL = "On the agent: curl -vk https://{host}:{port}/EWS/Exchange.asmx"

# the endpoint -----------------------------------------------------------------------------------------

AUTODISCOVER_NOTHING = Cause(
    "ews.autodiscover-nothing",
    Owner.OPERATOR,
    Step.RESOLVE,
    "No Exchange server was found for the mail domain: none of the standard Autodiscover locations answers as "
    "Autodiscover.",
    "Put the Exchange server's own name in the inventory, without `autodiscover`. Or have the record "
    "autodiscover.DOMAIN (or the SRV record _autodiscover._tcp.DOMAIN) created.",
    "On the agent: curl -vk https://autodiscover.{host}/autodiscover/autodiscover.xml; "
    "dig SRV _autodiscover._tcp.{host}",
    wire="No host that is asked for /autodiscover/autodiscover.xml answers with 401 over TLS. The host in the SRV "
    "record _autodiscover._tcp.{host} is asked too, if there is one.",
)
NOT_HERE = Cause(
    "ews.not-here",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "A web server answers, but it has no Exchange Web Services at this path (404).",
    "Name the server that runs Exchange's Client Access role. If only the mail domain is known, set "
    "`autodiscover: true`. If EWS has another path, set the option `path`.",
    _CURL,
    wire="Inside TLS, the server answers GET /EWS/Exchange.asmx with status 404 or 410.",
)
NOT_EXCHANGE = Cause(
    "ews.not-exchange",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "A web server returns a page at this path without asking for a login. Exchange Web Services always ask for one.",
    "Correct the host or port in the inventory: another service answers at this name.",
    _CURL,
    wire="Inside TLS, the server answers GET /EWS/Exchange.asmx with status 2xx and a page, not with 401.",
)
UNCONFIRMED = Cause(
    "ews.unconfirmed",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The server asks for a login, but nothing shows that it is Exchange: it sends no Exchange header and has no health "
    "page. It also asks for a login at a path that cannot exist, or does not answer there.",
    "Check that the name leads to Exchange, and not to a web server or reverse proxy that protects every path.",
    _CURL,
    definite=False,
    wire="Inside TLS, GET /EWS/Exchange.asmx is answered with 401 but without X-FEServer, X-OWA-Version or other "
    "Exchange headers. /EWS/healthcheck.htm and /EWS/Services.wsdl do not answer as Exchange's.",
)
MOVED = Cause(
    "ews.moved",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The server redirects requests for its web services to those of another server.",
    "Put the host named in the detail in the inventory. The scanner does not follow the redirect with a credential.",
    _CURL,
    wire="Inside TLS, the server answers GET /EWS/Exchange.asmx with 3xx and a Location that ends in .asmx.",
)

# devices in front of it ---------------------------------------------------------------------------------------------

PREAUTHENTICATION = Cause(
    "ews.preauthentication",
    Owner.NETWORK,
    Step.HANDSHAKE,
    "The answer does not come from Exchange Web Services. It is a login page, a redirect to a login page, or "
    "status 440: a reverse proxy or a single sign-on service requires a browser login first.",
    "Publish /EWS without pre-authentication (Microsoft Web Application Proxy: pass-through; F5: no APM "
    "policy; Kemp: no ESP).",
    _CURL,
    also=(OtherOwner(Owner.OPERATOR, "Name the Exchange server itself in the inventory, if the agent can reach it."),),
    wire="Inside TLS, GET /EWS/Exchange.asmx is answered with 3xx to a login page, with 200 and a login page, or "
    "with 440, not with 401.",
)
FORBIDDEN = Cause(
    "ews.forbidden",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server denies this agent access to the web services before it asks for a login (403). The reason is an IP "
    "restriction in IIS, or a rule of the reverse proxy or firewall in front of it.",
    "Permit this agent's address for the virtual directory EWS, or in the rule of the device in front.",
    _CURL,
    scoped=Scope.PATH,
    wire="Inside TLS, GET /EWS/Exchange.asmx without an Authorization header is answered with 403, not with 401.",
)
SERVICE_DOWN = Cause(
    "ews.service-down",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The web server answers, but the web services behind it do not (502, 503, 504; 520 to 530 from Cloudflare). Their "
    "application pool is stopped, or the back end is down.",
    "Start the application pools MSExchangeServicesAppPool and MSExchangeServicesProxyAppPool, and find out why they "
    "stopped (event log, WAS). Behind a load balancer, check that it has a member that is up.",
    "On the Exchange server: Get-ServerComponentState; appcmd list apppool",
    wire="Inside TLS, GET /EWS/Exchange.asmx or the login is answered with 502, 503, 504 or 520 to 530.",
)
UNHEALTHY = Cause(
    "ews.unhealthy",
    Owner.SERVER,
    Step.HANDSHAKE,
    "Exchange's own health page reports that the web services of this server are out of service, although they answer. "
    "Load balancers send no clients to this server, and scans may fail at any time.",
    "Bring it back: Set-ServerComponentState SERVER -Component EwsProxy -Requester Maintenance -State Active",
    "On the agent: curl -vk https://{host}:{port}/EWS/healthcheck.htm",
    wire="Inside TLS, GET /EWS/Exchange.asmx is answered with 401, but GET /EWS/healthcheck.htm with 503.",
)

# the login prompt ----------------------------------------------------------------------------------------------

BASIC_PREAUTH = Cause(
    "ews.basic-preauth",
    Owner.SERVER,
    Step.AUTH,
    "The server offers only Basic (or Digest), not NTLM as Exchange does by default. NTLM was disabled for the virtual "
    "directory, or a reverse proxy asks for the login in place of Exchange. The scanner may not support this login.",
    "Enable Windows authentication for the virtual directory EWS, or pass-through for /EWS in the reverse proxy.",
    "On the Exchange server: Get-WebServicesVirtualDirectory | fl Identity,*Authentication",
    wire="Inside TLS, the 401 answer has WWW-Authenticate: Basic or Digest, and no NTLM. If the server also offers "
    "Negotiate, it answers an NTLM negotiate message (type 1) in it without a challenge.",
)
MODERN_AUTH_ONLY = Cause(
    "ews.modern-auth-only",
    Owner.SERVER,
    Step.AUTH,
    "The server accepts only tokens (Bearer), as Exchange Online does. A user name and a password cannot log in.",
    "If the server is your own, enable Windows authentication for the virtual directory EWS.",
    _CURL,
    also=(
        OtherOwner(Owner.OPERATOR, "Scan Exchange Online as a cloud service, with an application registered for it."),
    ),
    wire="Inside TLS, the 401 answer has WWW-Authenticate: Bearer, and none of NTLM, Negotiate, Digest and Basic.",
)
KERBEROS_ONLY = Cause(
    "ews.kerberos-only",
    Owner.SERVER,
    Step.AUTH,
    "The server offers Negotiate but does not accept NTLM in it, so only Kerberos remains. An agent in the domain "
    "may be able to log in with Kerberos. The check does not use Kerberos, and did not try a login.",
    "Offer NTLM in addition to Negotiate for the virtual directory EWS.",
    "On a Windows agent in the domain: klist get HTTP/{host}",
    definite=False,
    also=(OtherOwner(Owner.OPERATOR, "Scan from a Windows agent in the domain."),),
    wire="Inside TLS, the 401 answer has WWW-Authenticate: Negotiate, without NTLM. An NTLM negotiate message (type 1) "
    "inside Negotiate is answered without an NTLM challenge (type 2).",
)
NTLM_BROKEN = Cause(
    "ews.ntlm-broken",
    Owner.NETWORK,
    Step.AUTH,
    "The server offers NTLM, but its first message gets no challenge, or the connection is closed after the challenge. "
    "NTLM authenticates a connection, and a device in front (a load balancer, a proxy that pools connections) does not "
    "keep the requests on one connection.",
    "Configure the device in front for NTLM (connection affinity, no multiplexing, keep-alive).",
    "On the agent: curl -vk --ntlm -u {user} https://{host}:{port}/EWS/Exchange.asmx",
    also=(OtherOwner(Owner.OPERATOR, "Name one Exchange server itself in the inventory, to bypass the device."),),
    wire="Inside TLS, the request with the NTLM negotiate message (type 1) is answered without a challenge (type "
    "2), or the server closes the connection with or before the answer.",
)
EXTENDED_PROTECTION = Cause(
    "ews.extended-protection",
    Owner.IDENTITY,
    Step.LOGIN,
    "The server refused the login, and a device in front of Exchange terminates TLS. Three reasons look the same "
    "to this check: a wrong password; Extended Protection, which refuses every login whose TLS does not end at "
    "Exchange; or a device that does not keep both NTLM messages on one connection.",
    "First verify the password with a login at the domain. If it is correct, let the agent reach Exchange itself, "
    "or let TLS pass through the device in front. Otherwise, configure connection affinity for NTLM on the device "
    "and, for Extended Protection, install the same certificate as on Exchange. The credential was not tried "
    "anywhere else in this run.",
    "On the Exchange server: Get-WebServicesVirtualDirectory | fl Identity,ExtendedProtection*",
    may_count=True,
    wire="Inside TLS, the request with the credential is answered with 401, and the answers carry a Via header, or "
    "a Server header or cookie of a proxy.",
)

# after the login --------------------------------------------------------------------------------

IMPERSONATION_DENIED = Cause(
    "ews.impersonation-denied",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but this account may not impersonate the mailbox: it lacks the role ApplicationImpersonation "
    "there.",
    "Assign the management role ApplicationImpersonation to the scan account, for all mailboxes or with a scope that "
    "contains this one.",
    "On the Exchange server: Get-ManagementRoleAssignment -Role ApplicationImpersonation -GetEffectiveUsers",
    wire="Inside TLS, the SOAP answer to GetFolder has the ResponseCode ErrorImpersonateUserDenied, "
    "ErrorImpersonationDenied or ErrorImpersonationFailed.",
)
NO_MAILBOX = Cause(
    "ews.no-mailbox",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but the account has no mailbox of its own on this Exchange server, and the inventory names no "
    "other mailbox.",
    "Create a mailbox for the scan account: the scanner requires one.",
    "On the Exchange server: Get-Mailbox {user}",
    also=(OtherOwner(Owner.OPERATOR, "Name a mailbox in the inventory (`mailbox`) that the account may impersonate."),),
    wire="Inside TLS, the SOAP answer to GetFolder has the ResponseCode ErrorNonExistentMailbox, "
    "ErrorMissingEmailAddress or ErrorMailboxConfiguration.",
)
POLICY = Cause(
    "ews.access-policy",
    Owner.SERVER,
    Step.ACCESS,
    "The server accepts the login but denies access to the web services (403). EWS is disabled for this mailbox, "
    "or a policy permits only named applications. Such a policy depends on the User-Agent, and the scanner's "
    "differs from the one of this check.",
    "Permit the web services for the mailbox, and the scanner's User-Agent if a policy lists applications.",
    "On the Exchange server: Get-CASMailbox {user} | fl Ews*; Get-OrganizationConfig | fl Ews*",
    definite=False,
    wire="Inside TLS, the request with the credential is answered with 403, not with 401.",
)
BUSY = Cause(
    "ews.busy",
    Owner.SERVER,
    Step.ACCESS,
    "The server accepts the login, but Exchange throttles the account (ErrorServerBusy and similar). Exchange "
    "would also slow down or refuse a scan.",
    "Give the scan account its own throttling policy without limits for EWS, then check again.",
    "On the Exchange server: Get-ThrottlingPolicyAssociation {user}",
    definite=False,
    wire="Inside TLS, the SOAP answer has a ResponseCode such as ErrorServerBusy or ErrorExceededConnectionCount.",
)
MAILBOX_UNAVAILABLE = Cause(
    "ews.mailbox-unavailable",
    Owner.SERVER,
    Step.ACCESS,
    "The server accepts the login, but the mailbox cannot be opened now: its database is not mounted, or the "
    "mailbox is being moved.",
    "Mount the database (Get-MailboxDatabase -Status), or wait until the move ends (Get-MoveRequest).",
    "On the Exchange server: Get-Mailbox NAME | fl Database; Get-MailboxDatabase -Status | fl Name,Mounted",
    wire="Inside TLS, the SOAP answer has a ResponseCode such as ErrorMailboxStoreUnavailable or "
    "ErrorMailboxMoveInProgress.",
)
