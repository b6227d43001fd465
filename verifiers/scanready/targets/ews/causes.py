"""Causes that only Exchange's web services can give: who stands before them, how they let in, what they say inside."""

from __future__ import annotations

from scanready.model import Cause, OtherOwner, Owner, Scope, Step

_CURL = "On the agent: curl -vk https://{host}:{port}/EWS/Exchange.asmx"

# who answers --------------------------------------------------------------------------------------------------------

AUTODISCOVER_NOTHING = Cause(
    "ews.autodiscover-nothing",
    Owner.OPERATOR,
    Step.RESOLVE,
    "The mail domain names no Exchange server: none of the places where Autodiscover is looked for answers as one.",
    "Put the Exchange server's own name in the inventory, without `autodiscover`; or have the record "
    "autodiscover.DOMAIN (or the SRV record _autodiscover._tcp.DOMAIN) created.",
    "On the agent: curl -vk https://autodiscover.{host}/autodiscover/autodiscover.xml; "
    "dig SRV _autodiscover._tcp.{host}",
)
NOT_HERE = Cause(
    "ews.not-here",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "A web server answers, and has no Exchange web services at this path (404).",
    "Address the server that runs Exchange's Client Access role; where only the mail domain is known, say "
    "`autodiscover: true`; a path of its own goes into the option `path`.",
    _CURL,
)
NOT_EXCHANGE = Cause(
    "ews.not-exchange",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "A web server shows a page at this path and asks for no login, as Exchange's web services never do.",
    "Correct host or port in the inventory: something else answers under this name.",
    _CURL,
)
UNCONFIRMED = Cause(
    "ews.unconfirmed",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "A login is asked for, and nothing shows that Exchange asks: no header of its own, no health page, and a path "
    "that cannot exist asks for the same login, or is not answered at all.",
    "Check that the name leads to Exchange, and not to a web server or reverse proxy that guards all of its paths.",
    _CURL,
    definite=False,
)
MOVED = Cause(
    "ews.moved",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The server sends whoever asks for its web services on to those of another server.",
    "Put the host that the detail names in the inventory; the scanner does not follow with a credential.",
    _CURL,
)

# who stands before it ---------------------------------------------------------------------------------------------

PREAUTHENTICATION = Cause(
    "ews.preauthentication",
    Owner.NETWORK,
    Step.HANDSHAKE,
    "A login page answers in the place of Exchange's web services (a redirect to it, its HTML, or status 440): a "
    "reverse proxy or a single sign-on wants people in front of a browser first.",
    "Publish /EWS without pre-authentication (pass-through in the Web Application Proxy, no APM or ESM policy).",
    _CURL,
    also=(OtherOwner(Owner.OPERATOR, "Name the Exchange server itself in the inventory, if the agent reaches it."),),
)
FORBIDDEN = Cause(
    "ews.forbidden",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The web services are refused to this agent before anybody asked who it is (403): an IP restriction in IIS, or a "
    "rule of the reverse proxy or firewall in front.",
    "Permit this agent's address for the virtual directory EWS, or in the rule of the device in front.",
    _CURL,
    scoped=Scope.PATH,
)
SERVICE_DOWN = Cause(
    "ews.service-down",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The web server answers, the web services behind it do not (502, 503, 504; 520 to 530 of Cloudflare): their "
    "application pool is stopped, or the back end is down.",
    "Start the application pools MSExchangeServicesAppPool and MSExchangeServicesProxyAppPool, and look why they "
    "stopped (event log, WAS); behind a balancer, look whether it has any member up.",
    "On the Exchange server: Get-ServerComponentState; appcmd list apppool",
)
UNHEALTHY = Cause(
    "ews.unhealthy",
    Owner.SERVER,
    Step.HANDSHAKE,
    "Exchange's own health page says that the web services of this server are out of service, though they answer: "
    "balancers send nobody there, and scans may fail at any time.",
    "Bring it back: Set-ServerComponentState SERVER -Component EwsProxy -Requester Maintenance -State Active",
    "On the agent: curl -vk https://{host}:{port}/EWS/healthcheck.htm",
)

# how it lets in ----------------------------------------------------------------------------------------------------

BASIC_PREAUTH = Cause(
    "ews.basic-preauth",
    Owner.SERVER,
    Step.AUTH,
    "Only Basic (or Digest) is offered, not NTLM as Exchange has it by default: it was switched off for the virtual "
    "directory, or a reverse proxy asks for the login in Exchange's place. The scanner may not be able to do it.",
    "Enable Windows authentication for the virtual directory EWS, or pass-through for /EWS in the reverse proxy.",
    "On the Exchange server: Get-WebServicesVirtualDirectory | fl Identity,*Authentication",
)
MODERN_AUTH_ONLY = Cause(
    "ews.modern-auth-only",
    Owner.SERVER,
    Step.AUTH,
    "Only tokens are taken (Bearer), as Exchange Online does: a user name and a password cannot log in.",
    "Enable Windows authentication for the virtual directory EWS, where the server is your own.",
    _CURL,
    also=(
        OtherOwner(Owner.OPERATOR, "Scan Exchange Online as a cloud service, with an application registered for it."),
    ),
)
KERBEROS_ONLY = Cause(
    "ews.kerberos-only",
    Owner.SERVER,
    Step.AUTH,
    "Negotiate is offered and takes no NTLM: only Kerberos is left. An agent that is in the domain may well log in "
    "with it; from here that cannot be told, and no login was tried.",
    "Offer NTLM beside Negotiate for the virtual directory EWS.",
    "On a Windows agent in the domain: klist get HTTP/{host}",
    definite=False,
    also=(OtherOwner(Owner.OPERATOR, "Scan from a Windows agent in the domain."),),
)
NTLM_BROKEN = Cause(
    "ews.ntlm-broken",
    Owner.NETWORK,
    Step.AUTH,
    "NTLM is offered, and its first message gets no challenge, or the connection is ended with it: NTLM logs in a "
    "connection, and something in front (a balancer, a proxy that pools connections) does not keep them together.",
    "Configure the device in front for NTLM (connection affinity, no multiplexing, keep-alive).",
    "On the agent: curl -vk --ntlm -u {user} https://{host}:{port}/EWS/Exchange.asmx",
    also=(OtherOwner(Owner.OPERATOR, "Name one Exchange server itself in the inventory, past the device."),),
)
EXTENDED_PROTECTION = Cause(
    "ews.extended-protection",
    Owner.IDENTITY,
    Step.LOGIN,
    "The login was refused, and something in front of Exchange ends TLS. Three reasons look the same from here: a "
    "wrong password; Extended Protection, which refuses every login whose TLS does not end at Exchange; a device that "
    "does not keep the two halves of NTLM on one connection.",
    "First make sure of the password, by a login at the domain. If it is right: address Exchange itself, or let TLS "
    "pass through the device in front; or have it keep NTLM's connections (affinity) and, for Extended Protection, "
    "give it the very certificate that Exchange has. The credential was not tried anywhere else in this run.",
    "On the Exchange server: Get-WebServicesVirtualDirectory | fl Identity,ExtendedProtection*",
    may_count=True,
)

# what it says inside ----------------------------------------------------------------------------------------------

IMPERSONATION_DENIED = Cause(
    "ews.impersonation-denied",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but this account may not act for the mailbox: it has no ApplicationImpersonation there.",
    "Assign the management role ApplicationImpersonation to the scan account, for all mailboxes or with a scope that "
    "holds this one.",
    "On the Exchange server: Get-ManagementRoleAssignment -Role ApplicationImpersonation -GetEffectiveUsers",
)
NO_MAILBOX = Cause(
    "ews.no-mailbox",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but the account has no mailbox of its own on this Exchange, and no other was named.",
    "Give the scan account a mailbox: the scanner requires it.",
    "On the Exchange server: Get-Mailbox {user}",
    also=(OtherOwner(Owner.OPERATOR, "Name a mailbox in the inventory (`mailbox`) for which the account may act."),),
)
POLICY = Cause(
    "ews.access-policy",
    Owner.SERVER,
    Step.ACCESS,
    "The login is accepted and the web services are refused (403): they are switched off for this mailbox, or a policy "
    "takes only named applications. Such a policy goes by the program's name, and the scanner's is another.",
    "Permit the web services for the mailbox, and the scanner's User-Agent where a policy lists applications.",
    "On the Exchange server: Get-CASMailbox {user} | fl Ews*; Get-OrganizationConfig | fl Ews*",
    definite=False,
)
BUSY = Cause(
    "ews.busy",
    Owner.SERVER,
    Step.ACCESS,
    "The login is accepted, and Exchange throttles the account (ErrorServerBusy and the like). A scan would be slowed "
    "down, or refused, the same way.",
    "Give the scan account a throttling policy of its own, without limits for EWS; then check again.",
    "On the Exchange server: Get-ThrottlingPolicyAssociation {user}",
    definite=False,
)
MAILBOX_UNAVAILABLE = Cause(
    "ews.mailbox-unavailable",
    Owner.SERVER,
    Step.ACCESS,
    "The login is accepted, and the mailbox cannot be opened now: its database is not mounted, or it is being moved.",
    "Mount the database (Get-MailboxDatabase -Status), or wait for the move to end (Get-MoveRequest).",
    "On the Exchange server: Get-Mailbox NAME | fl Database; Get-MailboxDatabase -Status | fl Name,Mounted",
)
