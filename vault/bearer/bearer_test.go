package bearer

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why, mechanism, response string
		user, token              string // "" token: malformed
	}{
		{"the example of RFC 7628 section 4.1", OAuthBearer, "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01", "user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="},
		{"no user", OAuthBearer, "n,,\x01auth=Bearer abc\x01\x01", "", "abc"},
		{"the client could bind to the channel and thinks we cannot", OAuthBearer, "y,,\x01auth=Bearer abc\x01\x01", "", "abc"},
		{"channel binding is not served", OAuthBearer, "p=tls-unique,,\x01auth=Bearer abc\x01\x01", "", ""},
		{"a user with signs that are escaped", OAuthBearer, "n,a=a=2Cb=3Dc@x,\x01auth=bearer abc\x01\x01", "a,b=c@x", "abc"},
		{"a pair we do not know", OAuthBearer, "n,,\x01mthd=POST\x01auth=Bearer abc\x01\x01", "", "abc"},
		{"two tokens", OAuthBearer, "n,,\x01auth=Bearer abc\x01auth=Bearer abd\x01\x01", "", ""},
		{"no token", OAuthBearer, "n,,\x01host=x\x01\x01", "", ""},
		{"an empty token", OAuthBearer, "n,,\x01auth=Bearer \x01\x01", "", ""},
		{"another scheme", OAuthBearer, "n,,\x01auth=Basic abc\x01\x01", "", ""},
		{"a blank in the token", OAuthBearer, "n,,\x01auth=Bearer a c\x01\x01", "", ""},
		{"a NUL in the token", OAuthBearer, "n,,\x01auth=Bearer a\x00c\x01\x01", "", ""},
		{"one ^A at the end", OAuthBearer, "n,,\x01auth=Bearer abc\x01", "", ""},
		{"something behind the end", OAuthBearer, "n,,\x01auth=Bearer abc\x01\x01x", "", ""},
		{"no header", OAuthBearer, "\x01auth=Bearer abc\x01\x01", "", ""},
		{"half a header", OAuthBearer, "n,\x01auth=Bearer abc\x01\x01", "", ""},
		{"a header that goes on", OAuthBearer, "n,,x\x01auth=Bearer abc\x01\x01", "", ""},
		{"nothing", OAuthBearer, "", "", ""},
		{"the dummy at once", OAuthBearer, "\x01", "", ""},

		{"Google's own example", XOAuth2, "user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01", "someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"},
		{"no user", XOAuth2, "user=\x01auth=Bearer abc\x01\x01", "", ""},
		{"the other mechanism's", XOAuth2, "n,a=a@x,\x01auth=Bearer abc\x01\x01", "", ""},
		{"two users", XOAuth2, "user=a@x\x01user=b@x\x01auth=Bearer abc\x01\x01", "a@x", "abc"},
		{"no end", XOAuth2, "user=a@x\x01auth=Bearer abc", "", ""},
		{"nothing", XOAuth2, "", "", ""},
	} {
		var user, token string
		server, _ := New(row.mechanism, func(u, tk string) error { user, token = u, tk; return nil })
		challenge, done, err := server.Next([]byte(row.response))
		if row.token == "" {
			if !errors.Is(err, ErrMalformed) || token != "" {
				t.Errorf("%s: %v, token %q", row.why, err, token)
			}
			continue
		}
		if err != nil || !done || challenge != nil || user != row.user || token != row.token {
			t.Errorf("%s: user %q, token %q, %v", row.why, user, token, err)
		}
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	no := errors.New("no")
	for mechanism, status := range map[string]string{OAuthBearer: "invalid_token", XOAuth2: "401"} {
		for _, dummy := range []string{"", "\x01", "anything"} { // XOAUTH2's is empty
			server, _ := New(mechanism, func(string, string) error { return no })
			if challenge, done, err := server.Next(nil); challenge != nil || done || err != nil {
				t.Errorf("%s: no initial response: %q, %v, %v", mechanism, challenge, done, err)
			}
			response := "n,a=a@x,\x01auth=Bearer abc\x01\x01"
			if mechanism == XOAuth2 {
				response = "user=a@x\x01auth=Bearer abc\x01\x01"
			}
			challenge, done, err := server.Next([]byte(response))
			var told struct{ Status, Schemes string }
			if json.Unmarshal(challenge, &told) != nil || told.Status != status || told.Schemes != "bearer" || done || err != nil {
				t.Errorf("%s: challenge %q, %v, %v", mechanism, challenge, done, err)
			}
			if _, done, err := server.Next([]byte(dummy)); !done || err != no {
				t.Errorf("%s, after %q: %v, %v", mechanism, dummy, done, err)
			}
		}
	}
	if _, ok := New("PLAIN", nil); ok {
		t.Error("PLAIN is no mechanism of this package")
	}
}

// FuzzExchange: whatever a client sends, a token is never empty, never two, and never holds what no token holds.
func FuzzExchange(f *testing.F) {
	f.Add("n,a=a@x,\x01auth=Bearer abc\x01\x01", "")
	f.Add("user=a@x\x01auth=Bearer abc\x01\x01", "\x01")
	f.Fuzz(func(t *testing.T, first, second string) {
		for _, mechanism := range []string{OAuthBearer, XOAuth2} {
			server, _ := New(mechanism, func(_, token string) error {
				if token == "" || strings.ContainsAny(token, " \x00\x01\r\n,") || !strings.Contains(first, token) {
					t.Errorf("token %q", token)
				}
				return ErrMalformed
			})
			_, done, err := server.Next([]byte(first))
			if !done && err == nil {
				_, done, err = server.Next([]byte(second))
			}
			if !done || err == nil {
				t.Errorf("%s let %q in", mechanism, first)
			}
		}
	})
}
