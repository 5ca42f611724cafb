package login_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sigill/web/login"
)

// op is an OpenID provider for tests: whoever comes is logged in at once, as claims say. Its hooks make it hostile.
type op struct {
	t      *testing.T
	server *httptest.Server
	key    *rsa.PrivateKey
	now    time.Time

	// claims are added to those of a right ID token, or replace them; nil takes one away.
	claims map[string]any
	// userinfo is what the userinfo endpoint answers.
	userinfo map[string]any
	// discovery is added to the discovery document.
	discovery map[string]any
	// sign makes the ID token; sound if nil. signUserinfo makes userinfo a JWT.
	sign, signUserinfo func(payload []byte) string

	mu    sync.Mutex
	codes map[string]url.Values // authorization requests by code
}

var testKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newOP(t *testing.T) *op {
	t.Helper()
	key, err := testKey()
	if err != nil {
		t.Fatal(err)
	}
	o := &op{t: t, key: key, now: time.Now(), codes: map[string]url.Values{}}
	m := http.NewServeMux()
	m.HandleFunc("GET /.well-known/openid-configuration", o.serveDiscovery)
	m.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		o.answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	m.HandleFunc("POST /token", o.serveToken)
	m.HandleFunc("GET /userinfo", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer access" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if o.signUserinfo == nil {
			o.answer(w, o.userinfo)
			return
		}
		payload, err := json.Marshal(o.userinfo)
		if err != nil {
			o.t.Error(err)
		}
		w.Header().Set("Content-Type", "application/jwt")
		io.WriteString(w, o.signUserinfo(payload))
	})
	o.server = httptest.NewTLSServer(m)
	t.Cleanup(o.server.Close)
	return o
}

func (o *op) issuer() string { return o.server.URL }

func (o *op) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		o.t.Error(err)
	}
}

func (o *op) serveDiscovery(w http.ResponseWriter, _ *http.Request) {
	doc := map[string]any{
		"issuer": o.issuer(), "authorization_endpoint": o.issuer() + "/authorize", "token_endpoint": o.issuer() + "/token",
		"jwks_uri": o.issuer() + "/keys", "userinfo_endpoint": o.issuer() + "/userinfo",
		"id_token_signing_alg_values_supported": []string{"RS256", "none", "HS256"},
	}
	maps.Copy(doc, o.discovery)
	o.answer(w, doc)
}

// authorize plays the browser at the login page: it gives the query the browser comes back with.
func (o *op) authorize(address string) url.Values {
	o.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		o.t.Fatal(err)
	}
	code := rand.Text()
	o.mu.Lock()
	o.codes[code] = u.Query()
	o.mu.Unlock()
	return url.Values{"code": {code}, "state": {u.Query().Get("state")}}
}

// serveToken demands what RFC 6749, RFC 7636 and one-time codes demand.
func (o *op) serveToken(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	request, ok := o.codes[r.FormValue("code")]
	delete(o.codes, r.FormValue("code"))
	o.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	challenge := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !ok || id != "sigill" || secret != "s3cret" ||
		request.Get("code_challenge_method") != "S256" ||
		request.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(challenge[:]) ||
		request.Get("redirect_uri") != r.FormValue("redirect_uri") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		w.Write([]byte(`{"error":"invalid_grant","error_description":"199001019802 is not welcome"}`))
		return
	}
	claims := map[string]any{
		"iss": o.issuer(), "aud": "sigill", "sub": "opaque", "nonce": request.Get("nonce"),
		"iat": o.now.Unix(), "exp": o.now.Add(5 * time.Minute).Unix(), "pnr": "199001019802", "acr": login.LOA3,
	}
	for name, value := range o.claims {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		o.t.Error(err)
	}
	sign := o.sign
	if sign == nil {
		sign = o.sound
	}
	o.answer(w, map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 300, "id_token": sign(payload)})
}

func (o *op) sound(payload []byte) string { return signed(o.t, o.key, jose.RS256, payload) }

func signed(t *testing.T, key any, alg jose.SignatureAlgorithm, payload []byte) string {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		t.Error(err)
		return ""
	}
	signature, err := s.Sign(payload)
	if err != nil {
		t.Error(err)
		return ""
	}
	text, err := signature.CompactSerialize()
	if err != nil {
		t.Error(err)
	}
	return text
}
