// Package relay hands mail to the upstream relay, one transaction on one connection at a time.
//
// It promises that a message streams through in constant memory and reaches the upstream as it was read, that whatever
// the upstream answered comes back unchanged, and that a message is either taken for all its recipients or, as far as
// the upstream's word goes, for none: the first recipient refused ends the transaction before DATA.
//
// It does not queue and does not try again; whoever calls it holds the message and decides. It does not find mail
// servers by MX: there is one upstream, and by default it must prove its name by TLS.
package relay
