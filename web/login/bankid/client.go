package bankid

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Environment is one of BankID's servers. Its certificate is of an authority of BankID's own, which is in no system's
// list; Root is that authority's SHA-256, as BankID publishes it.
type Environment struct {
	URL  string // ends in a slash
	Root string // hex; "" accepts any authority
}

// The environments, with the authorities that are valid until 2034.
var (
	Production = Environment{
		URL:  "https://appapi2.bankid.com/rp/v6.0/",
		Root: "e6a2d45c0a1051c959428649f86a09a9b2152cd551993cc2eb4cf094bdacbecb",
	}
	Test = Environment{
		URL:  "https://appapi2.test.bankid.com/rp/v6.0/",
		Root: "f3d0740ebfb3700e3b81aa791fee451472698c84e199c2eb48a443ff1d5b405c",
	}
)

// pool is the authority to trust, checked against the environment's.
func (e Environment) pool(ca *x509.Certificate) (*x509.CertPool, error) {
	if ca == nil {
		return nil, errors.New("has no authority for BankID's server")
	}
	if sum := sha256.Sum256(ca.Raw); e.Root != "" && hex.EncodeToString(sum[:]) != e.Root {
		return nil, fmt.Errorf("the authority is not the one BankID publishes for %s", e.URL)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	return pool, nil
}

const (
	callTime  = 10 * time.Second
	maxAnswer = 1 << 20
)

// client makes the calls of the API.
type client struct {
	base string
	http *http.Client
}

// newClient speaks HTTP/1.1, as BankID wants it, and shows our certificate.
func newClient(e Environment, ca *x509.Certificate, own tls.Certificate) (*client, error) {
	pool, err := e.pool(ca)
	if err != nil {
		return nil, err
	}
	if len(own.Certificate) == 0 {
		return nil, errors.New("has no client certificate")
	}
	return &client{e.URL, &http.Client{
		Timeout: callTime,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12},
			Proxy:           http.ProxyFromEnvironment, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// refused is an error answer of the API.
type refused struct {
	status int
	Code   string `json:"errorCode"`
}

func (r *refused) Error() string { return fmt.Sprintf("bankid: status %d, %q", r.status, r.Code) }

// passing tells what is BankID's trouble and may be gone soon, from what is ours.
func (r *refused) passing() bool {
	return r.status >= 500 || r.status == http.StatusRequestTimeout || r.status == http.StatusTooManyRequests
}

// call posts JSON. The media type must be bare: with a charset the API answers 415.
func (c *client) call(ctx context.Context, method string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+method, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("bankid: %s: %w", method, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("bankid: %s: %w", method, err)
	}
	if resp.StatusCode != http.StatusOK {
		no := &refused{status: resp.StatusCode}
		_ = json.Unmarshal(text, no) // what is no JSON has no code
		no.Code = strings.Map(letters, no.Code)
		return no
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("bankid: %s: the answer is no JSON", method) // the error would quote it
	}
	return nil
}

// letters keeps an error code from carrying anything else into a log.
func letters(r rune) rune {
	if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
		return r
	}
	return -1
}

// authRequest is what /auth takes.
type authRequest struct {
	EndUserIP   string       `json:"endUserIp"`
	ReturnURL   string       `json:"returnUrl,omitempty"`
	Visible     string       `json:"userVisibleData,omitempty"` // base64
	Format      string       `json:"userVisibleDataFormat,omitempty"`
	Requirement *requirement `json:"requirement,omitempty"`
	Web         *webDevice   `json:"web,omitempty"`
}

type requirement struct {
	PinCode bool   `json:"pinCode,omitempty"`
	Risk    string `json:"risk,omitempty"`
}

// webDevice goes into BankID's rating of risk.
type webDevice struct {
	ReferringDomain  string `json:"referringDomain"`
	UserAgent        string `json:"userAgent"`
	DeviceIdentifier string `json:"deviceIdentifier"`
}

type authAnswer struct {
	OrderRef       string `json:"orderRef"`
	AutoStartToken string `json:"autoStartToken"`
	QRStartToken   string `json:"qrStartToken"`
	QRStartSecret  string `json:"qrStartSecret"`
}

type orderRef struct {
	OrderRef string `json:"orderRef"`
}

// collected is the answer of /collect. What else it holds, such as the signature, is not kept.
type collected struct {
	Status     string `json:"status"`
	Hint       string `json:"hintCode"`
	Completion struct {
		User struct {
			PersonalNumber string `json:"personalNumber"`
			Name           string `json:"name"`
		} `json:"user"`
		Device struct {
			IPAddress string `json:"ipAddress"`
		} `json:"device"`
	} `json:"completionData"`
}
