// Package relay hands mail to the upstream relays, over connections it keeps.
//
// It promises that a message streams through in constant memory and reaches the upstream as it was read, never with a
// line end that is not CRLF; that whatever the upstream answered comes back unchanged; and that a message is either taken
// for all its recipients or, as far as the upstream's word goes, for none: the first recipient refused ends the
// transaction before DATA.
//
// Until the first octet of a message is sent, a connection that breaks is no harm: the next is tried, and then the next
// upstream. After it nothing is tried again, since the upstream may have taken the message.
//
// It does not queue; whoever calls it holds the message and decides. It does not find mail servers by MX: the upstreams
// are configured, in order, and by default each must prove its name by TLS.
package relay

// Software is the comment that names us in the Received fields we write, after our host name. It tells a mail that goes
// round from one that came by other programs under that name, such as a Postfix on the same machine.
const Software = "(Sigill)"
