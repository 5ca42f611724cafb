package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sigill/policy"
)

// started is a program that runs in this process.
type started struct {
	lines  *bufio.Reader // of its stdout
	errors *lockedBuffer
	stop   func() (exit int)
}

func start(t *testing.T, args ...string) started {
	t.Helper()
	r, w := io.Pipe()
	var stderr lockedBuffer
	p := &program{stdout: w, stderr: &stderr, log: slog.New(slog.NewTextHandler(&stderr, nil))}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int, 1)
	go func() {
		code := p.run(ctx, args)
		w.Close()
		done <- code
	}()
	stop := func() int {
		cancel()
		go io.Copy(io.Discard, r)
		return <-done
	}
	return started{bufio.NewReader(r), &stderr, stop}
}

// TestContractOfJSON holds what other people's scripts rely on.
func TestContractOfJSON(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	run := start(t, "demo", "--json", "--dir", dir)
	line, err := run.lines.ReadBytes('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, run.errors.Bytes())
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(line, &keys); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"submission", "smtp", "imap", "web", "ca", "staff", "function_addresses", "persons"} {
		if keys[want] == nil {
			t.Errorf("no %q in %s", want, line)
		}
	}
	var a announcement
	if err := json.Unmarshal(line, &a); err != nil {
		t.Fatal(err)
	}
	checkPeople(t, a)
	checkPorts(t, a)
	for _, file := range []string{"keys/vault.key", "keys/server.key", "keys/dkim-rsa.key", "keys/dkim-ed25519.key"} {
		info, err := os.Stat(filepath.Join(dir, file))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", file, info.Mode())
		}
	}
	if code := run.stop(); code != exitOK {
		t.Errorf("ended with %d: %s", code, run.errors.Bytes())
	}
	if rest, _ := io.ReadAll(run.lines); len(rest) > 0 {
		t.Errorf("more on stdout: %s", rest)
	}
}

func checkPeople(t *testing.T, a announcement) {
	t.Helper()
	if len(a.Staff) < 3 || len(a.Persons) != 3 || len(a.FunctionAddresses) != 1 {
		t.Fatalf("people: %+v", a)
	}
	samordning := 0
	for _, p := range a.Persons {
		id, err := policy.ParsePersonID(p.PersonalNumber)
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if id.Coordination() {
			samordning++
		}
	}
	if samordning != 1 {
		t.Errorf("%d samordningsnummer", samordning)
	}
	for _, s := range a.Staff {
		if s.Password == "" || !strings.HasSuffix(s.Address, "@exempelkommun.example") {
			t.Errorf("staff: %+v", s)
		}
	}
	if members := a.FunctionAddresses[0].Members; len(members) != 2 || slices.Contains(members, a.Staff[2].Address) {
		t.Errorf("members: %v", members)
	}
}

// checkPorts sees that everything answers on 127.0.0.1, with a certificate that the named authority vouches for.
func checkPorts(t *testing.T, a announcement) {
	t.Helper()
	pem, err := os.ReadFile(a.CA)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate to trust")
	}
	for _, address := range []string{a.Submission, a.SMTP} {
		c, err := net.DialTimeout("tcp", address, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		greeting, _ := bufio.NewReader(c).ReadString('\n')
		c.Close()
		if !strings.HasPrefix(greeting, "220 ") || !strings.HasPrefix(address, "127.0.0.1:") {
			t.Errorf("%s greets %q", address, greeting)
		}
	}
	for _, address := range []string{a.Submissions, a.IMAP} {
		c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: pool, ServerName: "localhost"})
		if err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		c.Close()
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	for _, address := range []string{a.Web, a.EID + "/.well-known/openid-configuration", a.Mailbox} {
		answer, err := (&http.Client{Transport: transport}).Get(address)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s answers %d", address, answer.StatusCode)
		}
	}
}

// TestTemporaryState sees that a demo without a folder leaves nothing.
func TestTemporaryState(t *testing.T) {
	t.Parallel()
	run := start(t, "demo", "--json")
	var a announcement
	line, err := run.lines.ReadBytes('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, run.errors.Bytes())
	}
	if err := json.Unmarshal(line, &a); err != nil {
		t.Fatal(err)
	}
	if code := run.stop(); code != exitOK {
		t.Errorf("ended with %d: %s", code, run.errors.Bytes())
	}
	if _, err := os.Stat(filepath.Dir(a.CA)); !os.IsNotExist(err) {
		t.Errorf("the temporary folder is still there: %v", err)
	}
}

func TestTextForPeople(t *testing.T) {
	t.Parallel()
	base := freeRun(t)
	run := start(t, "demo", "--port-base", base)
	var text bytes.Buffer
	for !strings.Contains(text.String(), "Then open the recipients' mail") {
		line, err := run.lines.ReadString('\n')
		if err != nil {
			t.Fatalf("%v: %s%s", err, text.Bytes(), run.errors.Bytes())
		}
		text.WriteString(line)
	}
	for _, want := range []string{"127.0.0.1:" + base, "Anna Andersson", "demo-anna-7391", "socialtjanst@", "199203082392", "Ctrl-C"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.Bytes())
		}
	}
	tryIt(t, text.String())
	other := start(t, "demo", "--port-base", base)
	if code := other.stop(); code != exitFailure || !bytes.Contains(other.errors.Bytes(), []byte("in use")) {
		t.Errorf("a second demo on the same ports ended with %d: %s", code, other.errors.Bytes())
	}
	if code := run.stop(); code != exitOK {
		t.Errorf("ended with %d: %s", code, run.errors.Bytes())
	}
}

// tryIt does what the text proposes.
func tryIt(t *testing.T, text string) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		return // TestCurl says so
	}
	_, script, _ := strings.Cut(text, "Try it:\n")
	script, _, ok := strings.Cut(script, "\nMAIL\n")
	if !ok {
		t.Fatalf("there is nothing to try in\n%s", text)
	}
	runIn(t, t.TempDir(), "sh", "-e", "-c", script+"\nMAIL\n")
}

// freeRun finds a run of free ports below those the system hands out.
func freeRun(t *testing.T) string {
	t.Helper()
	for base := 21000; base < 30000; base += 97 {
		var p stagePorts
		if p.open(base) == nil {
			p.close()
			return strconv.Itoa(base)
		}
	}
	t.Fatal("no free ports")
	return ""
}
