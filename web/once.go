package web

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"sync"
	"time"

	"sigill/vault"
)

// replies makes each form good for one mail. A form's token holds the writer and the time, sealed for the message it answers
// under a key of this process, so that showing a form keeps nothing; used tokens are remembered with what was sent.
//
// It cannot be left to the session: two requests at once each load a copy of it.
type replies struct {
	now  func() time.Time
	life time.Duration
	seal cipher.AEAD
	mu   sync.Mutex
	used map[string]*sending
}

// sending is a reply on its way, or sent.
type sending struct {
	done  chan struct{} // closed when sent or failed
	sent  vault.MessageID
	until time.Time
}

func newReplies(now func() time.Time, life time.Duration) *replies {
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // a key has 32 octets
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has blocks of 16 octets
	}
	return &replies{now: now, life: life, seal: seal, used: map[string]*sending{}}
}

// issue makes a token for a form.
func (r *replies) issue(who vault.Principal, id vault.MessageID) string {
	plain := binary.BigEndian.AppendUint64(nil, uint64(r.now().Unix()))
	return base64.RawURLEncoding.EncodeToString(r.seal.Seal(nil, nil, append(plain, formKey(who)...), id[:]))
}

// formKey names a principal in a token. A person's name is left out: two logins may tell it differently.
func formKey(who vault.Principal) string {
	if who.IsPerson() {
		return who.PersonID().Digits()
	}
	return who.Address().Key()
}

// writer tells for whom a form about a message was made. It is no login: what a form may do for its writer who has been
// logged out meanwhile is to keep what was written.
func (r *replies) writer(token string, id vault.MessageID) (string, bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", false
	}
	plain, err := r.seal.Open(nil, nil, b, id[:])
	if err != nil || len(plain) < 8 {
		return "", false
	}
	issued := time.Unix(int64(binary.BigEndian.Uint64(plain)), 0)
	return string(plain[8:]), r.now().Sub(issued) <= r.life
}

// valid tells whether the token is one for this writer and message, and not too old.
func (r *replies) valid(token string, who vault.Principal, id vault.MessageID) bool {
	key, ok := r.writer(token, id)
	return ok && key == formKey(who)
}

// once sends for the first that comes with a token. Others wait and get what was sent; if it failed, the next tries.
func (r *replies) once(ctx context.Context, token string, send func() (vault.MessageID, error)) (vault.MessageID, error) {
	for {
		s, first := r.claim(token)
		if first {
			return r.finish(token, s, send)
		}
		select {
		case <-s.done:
			if !s.sent.IsZero() {
				return s.sent, nil
			}
		case <-ctx.Done():
			return vault.MessageID{}, ctx.Err()
		}
	}
}

func (r *replies) claim(token string) (s *sending, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.used[token]; s != nil {
		return s, false
	}
	s = &sending{done: make(chan struct{}), until: r.now().Add(r.life)}
	r.used[token] = s
	return s, true
}

// finish lets the others on also when send panics.
func (r *replies) finish(token string, s *sending, send func() (vault.MessageID, error)) (id vault.MessageID, err error) {
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if s.sent = id; id.IsZero() {
			delete(r.used, token)
		}
		close(s.done)
	}()
	return send()
}

func (r *replies) sweep() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for token, s := range r.used {
		if !s.sent.IsZero() && r.now().After(s.until) {
			delete(r.used, token)
		}
	}
}
