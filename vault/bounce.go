package vault

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"strings"
)

// A return token is the message, the recipient and the kind of notice, with 72 bits of a keyed hash over them. It lies in
// the envelope's sender, where a bounce brings it back, and nobody can make one for another notice.
const (
	returnMAC  = 9
	returnSize = 16 + 2 + 1 + returnMAC
)

// ReturnToken is the characters of a token.
const ReturnToken = (returnSize*8 + 4) / 5

// returnKinds are what a token tells of the kind of notice.
var returnKinds = map[JobKind]byte{NoticeMessage: 'm', NoticeReminder: 'm', NoticeIdentify: 'm', Delivery: 'd'}

func (v *Vault) returnToken(rec jobRecord) string {
	b := make([]byte, 0, returnSize)
	b = append(b, rec.Message[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(rec.Recipient))
	b = append(b, returnKinds[rec.Kind])
	return idText.EncodeToString(v.signReturn(b))
}

func (v *Vault) signReturn(b []byte) []byte {
	sum := v.lookup.Digest("return", b)
	return append(b, sum[:returnMAC]...)
}

// Bounced takes the news that a notice, or a message to a partner organisation, came back. The recipient's status becomes
// Bounced, unless the message was opened already, and the sender is told, once; of a notice to staff only the audit
// tells. Code is the enhanced status of the bounce (RFC 3463), for the audit. ErrNotFound if the token is not one of this vault's; that a message is gone is no
// error.
func (o *Outbox) Bounced(ctx context.Context, token, code string) error {
	b, err := idText.DecodeString(strings.ToLower(token)) // mail systems may write an address in capitals
	if err != nil || len(b) != returnSize {
		return ErrNotFound
	}
	plain := b[:returnSize-returnMAC]
	if signed := o.v.signReturn(plain[:len(plain):len(plain)]); subtle.ConstantTimeCompare(signed, b) != 1 {
		return ErrNotFound
	}
	id, n, kind := MessageID(plain[:16]), int(binary.BigEndian.Uint16(plain[16:])), plain[18]
	return o.v.update(ctx, func(t *tx) error {
		event := Event{Actor: system, Action: "bounce", Message: id, Result: code}
		if kind == 0 {
			return t.record(event)
		}
		m, found, err := load[messageRecord](t, tMessage, id[:])
		if err != nil || !found || n >= len(m.Recipients) || rank[m.Recipients[n].Status] >= rank[Bounced] {
			return err
		}
		if err := t.changeRecipient(id, n, Bounced); err != nil {
			return err
		}
		if err := t.record(event); err != nil {
			return err
		}
		if kind == returnKinds[Delivery] {
			return t.queue(NoticeUndelivered, m.From, id, -1)
		}
		return t.queue(NoticeFailed, m.From, id, -1)
	})
}
