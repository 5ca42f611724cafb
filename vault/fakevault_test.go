package vault_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sigill/vault"
)

// fakeVault answers as HashiCorp Vault's Transit engine does, as far as its public API documentation tells, and refuses
// whatever that does not allow: a wrong path, method, header or field.
type fakeVault struct {
	t      *testing.T
	server *httptest.Server

	mu       sync.Mutex
	token    string
	versions []cipher.AEAD // of the key "sigill"; version 1 is the first
	min      int           // min_decryption_version
	kind     string        // the key's type
	derived  bool
	answers  []http.HandlerFunc // for the next requests, before they are looked at
	requests []string
}

func newFakeVault(t *testing.T) *fakeVault {
	f := &fakeVault{t: t, token: "hvs.first", min: 1, kind: "aes256-gcm96"}
	f.rotate()
	f.server = httptest.NewUnstartedServer(f)
	f.server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what a test wants
	f.server.StartTLS()
	t.Cleanup(f.server.Close)
	return f
}

func (f *fakeVault) rotate() {
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	must(f.t, err)
	aead, err := cipher.NewGCM(block)
	must(f.t, err)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.versions = append(f.versions, aead)
}

// options lead to the fake, with its token in a file.
func (f *fakeVault) options() vault.TransitOptions {
	ca := filepath.Join(f.t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.server.Certificate().Raw})
	must(f.t, os.WriteFile(ca, block, 0o600))
	return vault.TransitOptions{
		Address: f.server.URL, CA: ca, Namespace: "kommun", Mount: "keys/transit", Key: "sigill", Token: secretFile(f.t, f.token+"\n"),
	}
}

func (f *fakeVault) open(o vault.TransitOptions) *vault.Transit {
	f.t.Helper()
	keys, err := vault.OpenTransit(o)
	must(f.t, err)
	vault.QuickTransitForTest(keys)
	return keys
}

// next makes the next requests fail so.
func (f *fakeVault) next(answers ...http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers = append(f.answers, answers...)
}

func status(code int, errors ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { refuse(w, code, errors...) }
}

func refuse(w http.ResponseWriter, code int, errors ...string) {
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(map[string][]string{"errors": errors})
}

func (f *fakeVault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if answer := f.failure(r); answer != nil {
		answer(w, r)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Header.Get("X-Vault-Namespace") != "kommun" || r.Header.Get("X-Vault-Request") != "true" {
		f.t.Errorf("%s %s: headers %v", r.Method, r.URL, r.Header)
	}
	login := r.URL.Path == "/v1/auth/approle/login"
	if !login && r.Header.Get("X-Vault-Token") != f.token {
		refuse(w, http.StatusForbidden, "permission denied")
		return
	}
	var ask map[string]string
	if r.Method == http.MethodPost {
		if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || r.Header.Get("Content-Type") != "application/json" {
			f.t.Errorf("%s: %v, %v", r.URL, err, r.Header)
		}
	} else if body, _ := io.ReadAll(r.Body); len(body) > 0 {
		f.t.Errorf("a body in %s", r.Method)
	}
	switch r.Method + " " + r.URL.Path {
	case "POST /v1/auth/approle/login":
		f.login(w, ask)
	case "GET /v1/keys/transit/keys/sigill":
		f.describe(w)
	case "POST /v1/keys/transit/encrypt/sigill":
		f.encrypt(w, ask)
	case "POST /v1/keys/transit/decrypt/sigill":
		f.decrypt(w, ask)
	default:
		refuse(w, http.StatusNotFound)
	}
}

// failure notes a request and gives what it is to be answered with in place of an answer.
func (f *fakeVault) failure(r *http.Request) (answer http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, r.Method+" "+r.URL.Path)
	if len(f.answers) > 0 {
		answer, f.answers = f.answers[0], f.answers[1:]
	}
	return answer
}

// taken gives the requests since the last call.
func (f *fakeVault) taken() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.requests
	f.requests = nil
	return out
}

// set changes the fake while it serves.
func (f *fakeVault) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakeVault) login(w http.ResponseWriter, ask map[string]string) {
	f.fields(ask, "role_id", "secret_id")
	if ask["role_id"] != "role" || ask["secret_id"] != "secret" {
		refuse(w, http.StatusBadRequest, "invalid role or secret ID")
		return
	}
	json.NewEncoder(w).Encode(map[string]any{"auth": map[string]any{"client_token": f.token, "lease_duration": 1200, "renewable": true}})
}

func (f *fakeVault) describe(w http.ResponseWriter) {
	keys := map[string]any{}
	for i := range f.versions {
		if keys[strconv.Itoa(i+1)] = 1442851412 + i; f.kind == "rsa-4096" {
			keys[strconv.Itoa(i+1)] = map[string]any{"creation_time": "2026-11-24T10:00:00Z", "name": f.kind}
		}
	}
	json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{
		"type": f.kind, "derived": f.derived, "keys": keys, "min_decryption_version": f.min, "min_encryption_version": 0,
		"latest_version": len(f.versions), "name": "sigill", "supports_encryption": true, "exportable": false,
	}})
}

// fields fails the test if a request has other fields.
func (f *fakeVault) fields(ask map[string]string, names ...string) {
	for _, name := range names {
		if ask[name] == "" {
			f.t.Errorf("no %s", name)
		}
	}
	if len(ask) != len(names) {
		f.t.Errorf("fields %v, want %v", ask, names)
	}
}

func (f *fakeVault) bound(ask map[string]string, first string) (value, aad []byte) {
	names := []string{first, "associated_data"}
	if f.derived {
		names = append(names, "context")
	}
	f.fields(ask, names...)
	value, err1 := base64.StdEncoding.DecodeString(ask[first])
	aad, err2 := base64.StdEncoding.DecodeString(ask["associated_data"])
	if first == "plaintext" && err1 != nil || err2 != nil {
		f.t.Errorf("not base64: %v, %v", err1, err2)
	}
	return value, append(aad, ask["context"]...)
}

func (f *fakeVault) encrypt(w http.ResponseWriter, ask map[string]string) {
	plain, aad := f.bound(ask, "plaintext")
	n := len(f.versions)
	nonce := make([]byte, 12)
	rand.Read(nonce)
	sealed := base64.StdEncoding.EncodeToString(f.versions[n-1].Seal(nonce, nonce, plain, aad))
	json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"ciphertext": fmt.Sprintf("vault:v%d:%s", n, sealed), "key_version": n}})
}

func (f *fakeVault) decrypt(w http.ResponseWriter, ask map[string]string) {
	_, aad := f.bound(ask, "ciphertext")
	parts := strings.SplitN(ask["ciphertext"], ":", 3)
	if len(parts) != 3 || parts[0] != "vault" {
		refuse(w, http.StatusBadRequest, "invalid ciphertext: no prefix")
		return
	}
	n, err := strconv.Atoi(strings.TrimPrefix(parts[1], "v"))
	sealed, err2 := base64.StdEncoding.DecodeString(parts[2])
	switch {
	case err != nil || err2 != nil || len(sealed) < 12:
		refuse(w, http.StatusBadRequest, "invalid ciphertext: could not decode base64")
		return
	case n > len(f.versions):
		refuse(w, http.StatusBadRequest, "invalid ciphertext: version is too new")
		return
	case n < f.min:
		refuse(w, http.StatusBadRequest, "ciphertext or signature version is disallowed by policy (too old)")
		return
	}
	plain, err := f.versions[n-1].Open(nil, sealed[:12], sealed[12:], aad)
	if err != nil {
		refuse(w, http.StatusBadRequest, "cipher: message authentication failed")
		return
	}
	json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"plaintext": base64.StdEncoding.EncodeToString(plain)}})
}

// silent takes the request and never answers.
func silent(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// cut closes the connection in the midst of an answer.
func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	io.WriteString(w, `{"data":`)
	panic(http.ErrAbortHandler)
}
