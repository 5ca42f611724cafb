// Package bearer is the server's side of the two SASL mechanisms by which mail programs log in with a token: OAUTHBEARER
// (RFC 7628), and XOAUTH2, which is older, never was a standard, and is what most programs speak. It reads what the client
// sends; what a token is worth is for its caller to say. SMTP and IMAP share it.
//
// go-sasl has no XOAUTH2 for servers, and its OAUTHBEARER panics on an empty answer to a challenge.
package bearer

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/emersion/go-sasl"
)

// The mechanisms.
const (
	OAuthBearer = "OAUTHBEARER"
	XOAuth2     = "XOAUTH2"
)

// ErrMalformed means that the client did not speak the mechanism.
var ErrMalformed = errors.New("bearer: malformed")

// Check tells what a token is worth to who is said to use it; user may be empty in OAUTHBEARER.
type Check func(user, token string) error

// New begins an exchange. Its error is ErrMalformed or check's, the latter after the challenge in which the client is told.
func New(mechanism string, check Check) (_ sasl.Server, ok bool) {
	switch mechanism {
	case OAuthBearer:
		return &exchange{read: readOAuthBearer, check: check, refusal: refusal("invalid_token")}, true
	case XOAuth2:
		return &exchange{read: readXOAuth2, check: check, refusal: refusal("401")}, true
	}
	return nil, false
}

type exchange struct {
	read    func([]byte) (user, token string, err error)
	check   Check
	refusal []byte
	failed  error // what the client's answer to the refusal is answered with
}

// Next is sasl.Server's.
func (x *exchange) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case x.failed != nil: // RFC 7628 section 3.2.3: the answer is a dummy
		return nil, true, x.failed
	case response == nil:
		return nil, false, nil
	}
	user, token, err := x.read(response)
	if err != nil {
		return nil, true, err
	}
	if x.failed = x.check(user, token); x.failed != nil {
		return x.refusal, false, nil
	}
	return nil, true, nil
}

// refusal is that of RFC 7628 section 3.2.2, and of XOAUTH2, which differ in the word for why.
func refusal(status string) []byte {
	out, _ := json.Marshal(struct { // cannot fail
		Status  string `json:"status"`
		Schemes string `json:"schemes"`
	}{status, "bearer"})
	return out
}

// readOAuthBearer reads client-resp of RFC 7628 section 3.1: a GS2 header (RFC 5801), then pairs. Host and port are the
// client's idea of us; TLS has checked the name already.
func readOAuthBearer(response []byte) (user, token string, err error) {
	header, pairs, ok := bytes.Cut(response, []byte{1})
	flag, rest, _ := bytes.Cut(header, []byte(","))
	authzid, end, comma := bytes.Cut(rest, []byte(","))
	if !ok || !comma || len(end) > 0 || string(flag) != "n" && string(flag) != "y" {
		return "", "", ErrMalformed
	}
	if len(authzid) > 0 {
		name, ok := strings.CutPrefix(string(authzid), "a=")
		if !ok {
			return "", "", ErrMalformed
		}
		user = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(name)
	}
	token, err = tokenIn(pairs)
	return user, token, err
}

// readXOAuth2 reads "user=" address ^A "auth=Bearer " token ^A ^A.
func readXOAuth2(response []byte) (user, token string, err error) {
	first, pairs, ok := strings.Cut(string(response), "\x01")
	user, named := strings.CutPrefix(first, "user=")
	if !ok || !named || user == "" {
		return "", "", ErrMalformed
	}
	token, err = tokenIn([]byte(pairs))
	return user, token, err
}

// tokenIn finds the one token in pairs that each end in ^A, with one more ^A at the end.
func tokenIn(pairs []byte) (token string, err error) {
	body, ok := bytes.CutSuffix(pairs, []byte{1, 1})
	if !ok {
		return "", ErrMalformed
	}
	found := 0
	for pair := range bytes.SplitSeq(body, []byte{1}) {
		key, value, ok := strings.Cut(string(pair), "=")
		if !ok || key == "" {
			return "", ErrMalformed
		}
		if key != "auth" {
			continue
		}
		scheme, t, ok := strings.Cut(value, " ")
		if !ok || !strings.EqualFold(scheme, "Bearer") || t == "" || strings.ContainsFunc(t, notInToken) {
			return "", ErrMalformed
		}
		token = t
		found++
	}
	if found != 1 {
		return "", ErrMalformed
	}
	return token, nil
}

// notInToken is what b64token of RFC 6750 section 2.1 does not hold.
func notInToken(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~+/=", r))
}
