"""Causes that only HTTP can give: what stands between, where redirects lead, what a status says."""

from __future__ import annotations

from scanready.model import Cause, OtherOwner, Owner, Scope, Step

_CURL = "On the agent: curl -vkI {url}"

# what stands between ------------------------------------------------------------------------------------------------

PROXY_LOGIN = Cause(
    "http.proxy-login",
    Owner.NETWORK,
    Step.CONNECT,
    "The configured proxy lets nobody through without a login of its own (407).",
    "Exempt this agent's address from the proxy's login.",
    "On the agent: curl -v -x http://PROXY:PORT {url}",
    also=(OtherOwner(Owner.OPERATOR, "Remove `proxy` from the target, if the agent reaches it without a proxy."),),
)
PROXY_REFUSED = Cause(
    "http.proxy-refused",
    Owner.NETWORK,
    Step.CONNECT,
    "The configured proxy does not connect to the target: its policy forbids it, or it finds no way or no name.",
    "Permit host and port of the target for this agent in the proxy's policy; 502, 503, 504 mean that the proxy "
    "itself cannot reach or resolve the target.",
    "On the agent: curl -v -p -x http://PROXY:PORT {url}",
)
NOT_A_PROXY = Cause(
    "http.not-a-proxy",
    Owner.OPERATOR,
    Step.CONNECT,
    "What the option `proxy` names is a web server, not a proxy.",
    "Correct `proxy` in the inventory (usual ports are 3128 and 8080), or leave it out.",
    "On the agent: curl -v -p -x http://PROXY:PORT {url}",
)
PROXY_BETWEEN = Cause(
    "http.proxy-between",
    Owner.NETWORK,
    Step.HANDSHAKE,
    "A proxy that is not configured here answers in the target's place and demands a login (407).",
    "Exempt this agent's connections to the target from the transparent proxy.",
    _CURL,
)
CAPTIVE_PORTAL = Cause(
    "http.captive-portal",
    Owner.NETWORK,
    Step.HANDSHAKE,
    "A network access gateway answers in the target's place (511, or a page of its own): this agent must first log in "
    "to the network.",
    "Register the agent with the network access control, or exempt its address.",
    _CURL,
)
CHALLENGED = Cause(
    "http.challenged",
    Owner.SERVER,
    Step.HANDSHAKE,
    "A web application firewall answers with a challenge that only a browser with a human can solve.",
    "Permit the agent's address in the firewall's or the delivery network's rules.",
    _CURL,
)

BLOCK_PAGE = Cause(
    "http.block-page",
    Owner.NETWORK,
    Step.ACCESS,
    "The page that answers is the block or challenge page of a filter, often with the status of a real page (200): the "
    "site itself was not seen.",
    "Permit the site for this agent in the web filter of the agent's network, if that shows the page.",
    "On the agent: curl -vk {url}   # read the page",
    also=(OtherOwner(Owner.SERVER, "Permit this agent's address in the site's firewall, if that shows the page."),),
)

# where redirects lead -----------------------------------------------------------------------------------------------

REDIRECT_UNREACHABLE = Cause(
    "http.redirect-unreachable",
    Owner.NETWORK,
    Step.HANDSHAKE,
    "The site sends every visitor on to another endpoint, and this agent does not get a connection there.",
    "Permit the connection from this agent to the endpoint that the detail names (port 443 beside 80, usually).",
    "On the agent: curl -vkIL {url}",
)
REDIRECT_BROKEN = Cause(
    "http.redirect-broken",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The site's redirects lead nowhere: in a circle, or to an address that is none.",
    "Correct the redirection rules of the site.",
    "On the agent: curl -vkIL {url}",
    also=(OtherOwner(Owner.OPERATOR, "Name the page itself in the inventory, if it answers without a redirect."),),
)
REDIRECTS_ELSEWHERE = Cause(
    "http.redirects-elsewhere",
    Owner.OPERATOR,
    Step.AUTH,
    "The site answers with a redirect to another host: its new name, a single sign-on, a login or block page. "
    "Its own pages were not seen.",
    "Put the host that the detail names in the inventory if the data is there; if it is a login or block page, "
    "have this agent exempted from it.",
    "On the agent: curl -vkIL {url}",
)

# what a status says -------------------------------------------------------------------------------------------------

UNAVAILABLE = Cause(
    "http.unavailable",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The front of the web service answers, the service behind it does not (502, 503, 504; from 520 to 530 where "
    "Cloudflare is the front): down, in maintenance, overloaded, or a load balancer has no backend that passes its "
    "health check.",
    "Start the service behind; look at the health of the backends in the load balancer (HAProxy: `show servers "
    "state`), and whether the origin server lets the delivery network in; or check again after the time that the "
    "server names.",
    _CURL,
)
SERVER_ERROR = Cause(
    "http.server-error",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The web service fails with an error of its own (500 and the like) for this page.",
    "Look in the web server's error log at the time of the check.",
    _CURL,
)
FORBIDDEN = Cause(
    "http.forbidden",
    Owner.SERVER,
    Step.AUTH,
    "The server refuses this page to this agent without asking who it is (403): an address rule, a web application "
    "firewall, file permissions, or no index page.",
    "Permit the agent's address in the server's rules.",
    _CURL,
    scoped=Scope.PATH,
    also=(OtherOwner(Owner.OPERATOR, "Name a path in the inventory that may be read without a login."),),
)
REQUEST_REFUSED = Cause(
    "http.request-refused",
    Owner.SERVER,
    Step.AUTH,
    "The server refuses the request for this page with a status that asks for no login and shows no page. A 400 comes "
    "also from a backend to which a load balancer sends the PROXY protocol and which does not expect it.",
    "Look up the status of the detail in the server's access log; behind a load balancer, check that `send-proxy` "
    "there and `accept-proxy` or `proxy_protocol` at the backend agree.",
    _CURL,
    also=(
        OtherOwner(Owner.OPERATOR, "Correct host name and path in the inventory, if the server does not know them."),
    ),
)
NO_PASSWORD_SCHEME = Cause(
    "http.no-password-scheme",
    Owner.SERVER,
    Step.AUTH,
    "The server asks for a login that a user name and a password cannot do (tokens, single sign-on).",
    "Offer Basic over TLS, Digest or NTLM to the scan account for this site.",
    _CURL,
)
NEGOTIATE_ONLY = Cause(
    "http.negotiate-only",
    Owner.SERVER,
    Step.AUTH,
    "The server offers Negotiate alone. Whether it takes NTLM within it, or Kerberos only, shows in a login alone, "
    "and a refused one would count against the account: it was not tried.",
    "Offer NTLM beside Negotiate.",
    "On the agent: curl -vk --ntlm -u {user} {url}",
    definite=False,
    also=(OtherOwner(Owner.OPERATOR, "Check with the scanner's own client from an agent in the domain."),),
)
EMPTY = Cause(
    "http.empty",
    Owner.SERVER,
    Step.ACCESS,
    "The page answers and is empty: there is nothing on it to scan, and no link to follow.",
    "Publish content at this path, or a page that leads to it.",
    "On the agent: curl -vk {url}",
    also=(OtherOwner(Owner.OPERATOR, "Name a path in the inventory that has content."),),
)
ERROR_PAGE = Cause(
    "http.error-page",
    Owner.SERVER,
    Step.ACCESS,
    "The page answers with the status of a real page (200), and what it says is an error, such as a missing page, a "
    "login that is wanted, or a service that fails: there is nothing on it to scan.",
    "Correct the error that the detail quotes, and let the server report errors by status (404, 401, 503).",
    "On the agent: curl -vk {url}   # read the page",
    also=(OtherOwner(Owner.OPERATOR, "Name a path in the inventory that has content."),),
)
MAINTENANCE = Cause(
    "http.maintenance",
    Owner.SERVER,
    Step.ACCESS,
    "The page answers with the status of a real page (200), and says that the site is out of service for a time. What "
    "a scan will find later is unknown.",
    "End the maintenance; then check again.",
    "On the agent: curl -vk {url}   # read the page",
    definite=False,
)
PARKED = Cause(
    "http.parked",
    Owner.OPERATOR,
    Step.ACCESS,
    "A domain parking service answers in the place of the site: the domain has expired, has no site, or its name is "
    "misspelt.",
    "Correct the host name in the inventory, or have the domain renewed.",
    "On the agent: curl -vk {url}   # read the page",
)
LOGIN_FORM = Cause(
    "http.login-form",
    Owner.SERVER,
    Step.ACCESS,
    "The page answers with a login form (200): a scan, which fills in no form, sees the form and nothing behind it.",
    "Offer Basic over TLS, Digest or NTLM to the scan account for this site.",
    "On the agent: curl -vk {url}   # read the page",
    also=(OtherOwner(Owner.OPERATOR, "Name a path in the inventory that needs no session."),),
)
LOGIN_UNPROVEN = Cause(
    "http.login-unproven",
    Owner.SERVER,
    Step.LOGIN,
    "The server asked for a login, and its answer to the credential does not say whether it accepts the account: a "
    "redirect to a login page, a login form, an error, or a status that it has without a credential, too.",
    "Let the server judge the account at this page itself, without a login page or single sign-on.",
    "Log in manually with the same account, once: curl -vk --anyauth -u {user} {url}",
    definite=False,
    may_count=True,
    also=(
        OtherOwner(Owner.NETWORK, "Exempt this agent from the gateway or filter that shows the page, if one does."),
        OtherOwner(Owner.OPERATOR, "Name the page in the inventory that holds the data, if it is another one."),
    ),
)
SCRIPTS_ONLY = Cause(
    "http.scripts-only",
    Owner.SERVER,
    Step.ACCESS,
    "The page shows its content only to a browser that runs its scripts (an application in JavaScript, or a challenge "
    "of a firewall): a scan reads what is in the page itself, which is next to nothing.",
    "Permit the agent's address in the firewall, if the page is a challenge.",
    "On the agent: curl -vk {url}   # read the page",
    also=(OtherOwner(Owner.OPERATOR, "Name a path in the inventory that has its content in the page itself."),),
)
