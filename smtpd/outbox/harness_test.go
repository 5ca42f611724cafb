package outbox

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/mail"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sigill/policy"
	"sigill/smtpd/relay"
	"sigill/vault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	anna   = policy.MustAddress("anna@kommun.example")
	cecil  = policy.MustAddress("cecil@ut.example")
	dag    = policy.MustAddress("dag@ut.example")
	person = policy.MustPersonID("199001012385")
)

func notices() Notices {
	return Notices{
		Organisation: "Örnsköldsviks kommun", BaseURL: "https://saker.kommun.example", MunicipalityURL: "https://www.kommun.example/sakra-meddelanden",
		Phone: "0660-880 00", Retention: Text{"Meddelandet finns kvar i 90 dagar.", "The message is kept for 90 days."},
	}
}

// outside is the upstream of these tests.
type outside struct {
	mu    sync.Mutex
	mails []relay.Mail
	raw   []string
	at    []time.Time
	says  func(n int) error // to the n-th mail, from 0; nil takes it
	now   int               // mails being taken
	most  int
	slow  time.Duration

	slowTo string // the domain that is slow; "" is all
}

func (o *outside) Send(ctx context.Context, m relay.Mail, r io.Reader) (relay.Reply, error) {
	raw, _ := io.ReadAll(r)
	o.mu.Lock()
	n := len(o.mails)
	o.mails, o.raw, o.at = append(o.mails, m), append(o.raw, string(raw)), append(o.at, time.Now())
	o.now++
	o.most = max(o.most, o.now)
	o.mu.Unlock()
	defer func() { o.mu.Lock(); defer o.mu.Unlock(); o.now-- }()
	slow := o.slow
	if o.slowTo != "" && m.To[0].Domain != o.slowTo {
		slow = 0
	}
	select {
	case <-time.After(slow):
	case <-ctx.Done():
		return relay.Reply{}, ctx.Err()
	}
	if o.says != nil {
		if err := o.says(n); err != nil {
			return relay.Reply{}, err
		}
	}
	return relay.Reply{Code: 250}, nil
}

func (o *outside) sent() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.raw...)
}

func answers(code int) func(int) error {
	return func(int) error { return &relay.Error{Reply: relay.Reply{Code: code, Text: "words"}} }
}

func openVault(t testing.TB) *vault.Vault {
	t.Helper()
	dir := t.TempDir()
	err := vault.CreateKeyFile(filepath.Join(dir, "key"))
	keys, err2 := vault.OpenKeyFile(filepath.Join(dir, "key"))
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(context.Background(), filepath.Join(dir, "vault"), keys, vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	ctx, d := context.Background(), v.Directory()
	if err := errors.Join(
		d.PutAccount(ctx, vault.Account{Address: anna}, "x"),
		d.PutBinding(ctx, vault.Binding{Address: cecil, Person: person, Verified: time.Now()}),
	); err != nil {
		t.Fatal(err)
	}
	return v
}

// deposit seals a message from anna; one to dag is held.
func deposit(t testing.TB, v *vault.Vault, to policy.Address) vault.MessageID {
	t.Helper()
	kinds, err := v.Directory().Classify(context.Background(), []policy.Address{to})
	if err != nil {
		t.Fatal(err)
	}
	w := v.Depositor().Begin(vault.Deposit{From: anna, Recipients: kinds, Hold: kinds[0].Kind == policy.Unknown})
	if _, err := io.WriteString(w, "From: anna@kommun.example\r\nSubject: Hemlighetsämne\r\n\r\nHemlighetstext\r\n"); err != nil {
		t.Fatal(err)
	}
	r, err := w.Commit(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return r.ID
}

func worker(t testing.TB, v *vault.Vault, s Sender, change func(*Config)) *Worker {
	t.Helper()
	c := Config{Outbox: v.Outbox(), Sender: s, Notices: notices(), From: policy.MustAddress("noreply@kommun.example"), ReturnPath: policy.MustAddress("bounces@kommun.example")}
	if change != nil {
		change(&c)
	}
	w, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// begin runs a worker until the returned function is called.
func begin(t testing.TB, w *Worker) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func pemOf(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// keys are an RSA and an Ed25519 signer.
var keys = sync.OnceValue(func() (pems [2][]byte) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	pems[0] = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)})
	_, e, _ := ed25519.GenerateKey(rand.Reader)
	der, _ := x509.MarshalPKCS8PrivateKey(e)
	pems[1] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return pems
})

func signers(t testing.TB) (out []Signer) {
	t.Helper()
	for i, selector := range []string{"r1", "e1"} {
		s, err := ParseSigner(selector, "kommun.example", keys()[i])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

func header(t testing.TB, raw, name string) string {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return m.Header.Get(name)
}
