// Package vault keeps secure messages: sealed, durable, readable only by whom they are for.
//
// What a caller holds tells what it may do. A [Depositor] seals and cannot open. A [Reader] opens for one [Principal] and
// is closed after use. A [Directory] knows who is who and opens no message. An [Outbox] hands out the notices that are
// due, a [Courier] opens what is to be handed to a partner organisation, and [AuditLog] remembers who did what.
//
// Access is a mailbox entry: accounts, function addresses and persons all have mailboxes, and a principal may open the
// messages that lie in its mailboxes and no others. A held message lies in its sender's mailbox only.
//
// Every change is one transaction, durable before the call returns. Each message has a content key of its own; its
// chunks and its index are sealed under it. All other records are sealed under a key of the vault, and every key a
// record is found by is random or a keyed hash, so that no byte of the vault's file tells a subject, a name, an address
// or an identity number. docs/format.md has the format.
package vault
