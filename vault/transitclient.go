package vault

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	transitTries = 4
	transitWait  = 500 * time.Millisecond // before the second try; twice as long before each one after it
	transitMost  = 10 * time.Second       // of waiting before one try, whatever Vault asks for
	transitBody  = 1 << 20                // octets of an answer that are read
)

// transitError is an answer that is not one of success.
type transitError struct {
	status int
	text   string        // Vault's own
	wait   time.Duration // that Vault asks for
}

func (e *transitError) Error() string { return fmt.Sprintf("status %d: %s", e.status, e.text) }

var errNotVault = &transitError{status: http.StatusOK, text: "the answer is not Vault's JSON"}

// temporary tells that the same request may succeed later.
func (e *transitError) temporary() bool {
	return e.status == http.StatusTooManyRequests || e.status >= 500 || e.status == statusStandby || e.status == statusSecondary
}

// Statuses of Vault's own, of a node that will not serve now.
const (
	statusSecondary = 472
	statusStandby   = 473
)

// transitClient speaks Vault's HTTP API, of which this is all that Transit needs. For use by many goroutines.
type transitClient struct {
	http      *http.Client
	address   *url.URL
	mount     string
	namespace string
	token     SecretFile
	roleID    string
	secretID  SecretFile
	wait      time.Duration

	mu     *sync.Mutex
	logged string // the token AppRole gave
}

func newTransitClient(o TransitOptions) (c transitClient, err error) {
	c = transitClient{
		mount: strings.Trim(o.Mount, "/"), namespace: o.Namespace, token: o.Token, roleID: o.RoleID, secretID: o.SecretID,
		wait: transitWait, mu: new(sync.Mutex),
	}
	if c.mount == "" {
		c.mount = "transit"
	}
	if c.address, err = url.Parse(o.Address); err != nil || c.address.Scheme != "https" || c.address.Host == "" || c.address.User != nil {
		return c, fmt.Errorf("the address is not https://host:port: keys are sent there")
	}
	if o.Token.none() == (o.RoleID == "") {
		return c, errors.New("give either a file with a token, or a role id and a file with its secret id")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CA != "" {
		pem, err := os.ReadFile(o.CA)
		if err != nil {
			return c, err
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return c, fmt.Errorf("%s has no certificate in PEM", o.CA)
		}
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	c.http = &http.Client{Transport: transport, Timeout: o.Timeout, CheckRedirect: toHTTPS}
	return c, nil
}

// toHTTPS follows a standby's redirect to the active node, once, and never with the token in clear.
func toHTTPS(next *http.Request, via []*http.Request) error {
	if len(via) > 1 || next.URL.Scheme != "https" {
		return errors.New("redirected more than once, or away from https")
	}
	return nil
}

// call sends one request, again while what went wrong may pass and tries are left, and reads the answer's data into out.
// ErrKeyUnavailable if it did not pass.
func (c *transitClient) call(ctx context.Context, method, path string, body, out any) error {
	var err error
	denied := false
	for try, wait := 1, c.wait; ; try, wait = try+1, 2*wait {
		if err = c.authorized(ctx, method, path, body, out); err == nil {
			return nil
		}
		var refused *transitError
		var here *hereError
		switch {
		case errors.As(err, &here):
			return err
		case !errors.As(err, &refused): // no answer
		case refused.status == http.StatusForbidden && c.roleID != "" && !denied:
			denied = true // the token has run out; the next try logs in anew
			c.forget()
			continue
		case !refused.temporary():
			return err
		default:
			wait = min(max(wait, refused.wait), transitMost)
		}
		if ctx.Err() != nil || try == transitTries {
			return fmt.Errorf("%w: %w", ErrKeyUnavailable, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w: %w", ErrKeyUnavailable, ctx.Err(), err)
		case <-time.After(wait):
		}
	}
}

// hereError is one that is mended here and not in Vault: a token's file, a login, a certificate not trusted.
type hereError struct{ error }

func (e *hereError) Unwrap() error { return e.error }

func (c *transitClient) authorized(ctx context.Context, method, path string, body, out any) error {
	token, err := c.authorization(ctx)
	if err != nil {
		return err
	}
	var answer struct {
		Data json.RawMessage `json:"data"`
	}
	if err := c.send(ctx, method, path, token, body, &answer); err != nil {
		return err
	}
	if err := json.Unmarshal(answer.Data, out); err != nil {
		return errNotVault
	}
	return nil
}

// authorization gives the token: the file's as it is now, or that of the last login.
func (c *transitClient) authorization(ctx context.Context) (string, error) {
	if !c.token.none() {
		return readLine(c.token)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.logged != "" {
		return c.logged, nil
	}
	secret, err := readLine(c.secretID)
	if err != nil {
		return "", err
	}
	var answer struct {
		Auth struct {
			ClientToken string `json:"client_token"`
		} `json:"auth"`
	}
	ask := map[string]string{"role_id": c.roleID, "secret_id": secret}
	if err := c.send(ctx, http.MethodPost, "auth/approle/login", "", ask, &answer); err != nil {
		var refused *transitError
		if errors.As(err, &refused) && !refused.temporary() {
			err = &hereError{errors.New(refused.Error())} // a wrong secret id is no wrong key
		}
		return "", fmt.Errorf("login by AppRole: %w", err)
	}
	c.logged = answer.Auth.ClientToken
	return c.logged, nil
}

func (c *transitClient) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.logged = ""
}

func readLine(s SecretFile) (string, error) {
	text, err := s.read()
	if err != nil {
		return "", &hereError{err}
	}
	line := strings.TrimSpace(string(text))
	if line == "" || strings.ContainsAny(line, "\r\n") {
		return "", &hereError{fmt.Errorf("%s: it must be one line", s)}
	}
	return line, nil
}

// send does one request and reads the answer. transitError if Vault refuses.
func (c *transitClient) send(ctx context.Context, method, path, token string, body, out any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.address.JoinPath("v1", path).String(), bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("X-Vault-Request", "true")
	if token != "" {
		req.Header.Set("X-Vault-Token", token)
	}
	if c.namespace != "" {
		req.Header.Set("X-Vault-Namespace", c.namespace)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return &hereError{err}
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, transitBody))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return refusal(res, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return errNotVault
	}
	return nil
}

// refusal reads Vault's errors; what is not Vault's, such as a proxy's page, is not repeated.
func refusal(res *http.Response, answer []byte) error {
	e := &transitError{status: res.StatusCode, text: http.StatusText(res.StatusCode)}
	var told struct {
		Errors []string `json:"errors"`
	}
	if json.Unmarshal(answer, &told) == nil && len(told.Errors) > 0 {
		e.text = strings.Join(strings.Fields(strings.Join(told.Errors, "; ")), " ")
	}
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		e.wait = time.Duration(seconds) * time.Second
	}
	return e
}
