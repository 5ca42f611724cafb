// Package bankid logs persons in with BankID, straight against its relying party API (version 6.0).
//
// There is no page of somebody else's: an order is placed when the person has pressed a button, and while they use the
// app the browser waits on a page of ours, which asks [Provider.Look] how far the order has come. What the page shows is
// a QR code that changes every second, computed here from a secret that never leaves the server, or a link that opens
// the app on the same device.
//
// An order belongs to the session that placed it. BankID gives a result once, so it is kept here before anybody is told
// of it. An order nobody scanned is replaced by a new one for a while; then the person is asked to begin again.
//
// What cannot be prevented is that somebody shows our moving code on a page of theirs and has it scanned (relay). What
// the person sees in the app is therefore whom they are logging in to and why. For the same device it can be prevented:
// see [Provider.Look].
//
// Times and orders are in memory only: a restart of the server ends the logins under way.
package bankid
