package web

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"sync"
	"time"

	"sigill/vault"
)

// replies makes each form good for one mail. A form's token is bound to the writer and the message it answers by a key of
// this process, so that showing a form keeps nothing; used tokens are remembered with what was sent.
//
// It cannot be left to the session: two requests at once each load a copy of it.
type replies struct {
	now  func() time.Time
	life time.Duration
	key  [32]byte
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
	r := &replies{now: now, life: life, used: map[string]*sending{}}
	rand.Read(r.key[:])
	return r
}

// A token is time, random octets and MAC.
const (
	tokenRandom = 16
	tokenHead   = 8 + tokenRandom
)

// issue makes a token for a form.
func (r *replies) issue(who vault.Principal, id vault.MessageID) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(r.now().Unix()))
	b = append(b, make([]byte, tokenRandom)...)
	rand.Read(b[8:tokenHead])
	return base64.RawURLEncoding.EncodeToString(r.mac(b, who, id))
}

// mac appends the MAC of head, person and message to head.
func (r *replies) mac(head []byte, who vault.Principal, id vault.MessageID) []byte {
	m := hmac.New(sha256.New, r.key[:])
	m.Write(head[:tokenHead:tokenHead])
	m.Write(id[:])
	m.Write([]byte(who.PersonID().Digits() + "\x00" + who.Address().Key()))
	return m.Sum(head[:tokenHead:tokenHead])
}

// valid tells whether the token is one for this person and message, and not too old.
func (r *replies) valid(token string, who vault.Principal, id vault.MessageID) bool {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != tokenHead+sha256.Size || !hmac.Equal(b, r.mac(b, who, id)) {
		return false
	}
	issued := time.Unix(int64(binary.BigEndian.Uint64(b)), 0)
	return r.now().Sub(issued) <= r.life
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
