// Package seal holds the keys of the vault and its authenticated encryption. It knows neither mail nor storage, never
// logs and takes no context.
//
// Two mechanisms, both of the standard library's AES-256-GCM:
//
//   - [Chunks] seals one stream under a content key that is used for nothing else. The nonce counts the chunks, as in
//     age's STREAM construction, which is safe since no key ever seals two streams.
//   - [Box] seals many small records under one long-lived key with random nonces of 24 octets: XAES-256-GCM of the C2SP
//     specification, where a random nonce of plain GCM's 12 octets would bound the number of records.
//
// Authentication cannot tell a wrong key from a damaged record; [Key.Check] can: compare it when a key is loaded.
package seal
