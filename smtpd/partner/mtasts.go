package partner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// policies are the MTA-STS policies of partners, kept in memory for as long as they say, and a day at most: a policy that
// is asked for again costs one request, and one that is kept too long stops mail.
type policies struct {
	resolver Resolver
	http     *http.Client
	now      func() time.Time

	mu   sync.Mutex
	kept map[string]stsPolicy // by domain
}

// Limits of RFC 8461 section 3.3.
const (
	policySize = 64 << 10
	policyTime = time.Minute
	policyAge  = 24 * time.Hour
)

func newPolicies(c Config) *policies {
	p := &policies{resolver: c.Resolver, now: c.Now, kept: map[string]stsPolicy{}}
	if p.now == nil {
		p.now = time.Now
	}
	p.http = &http.Client{Transport: c.HTTP, Timeout: policyTime, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // section 3.3: redirects must not be followed
	}}
	return p
}

// stsPolicy is a policy of RFC 8461 section 3.2.
type stsPolicy struct {
	id    string // of the TXT record it came with; "" if there was none
	mode  string
	mx    []string
	age   time.Duration
	until time.Time
}

// get gives the policy of a domain, which must be in force. One that is kept does while the DNS names the same id, or
// does not answer.
func (p *policies) get(ctx context.Context, domain string) (stsPolicy, error) {
	id, asked := p.identifier(ctx, domain)
	p.mu.Lock()
	kept, ok := p.kept[domain]
	p.mu.Unlock()
	if ok && p.now().Before(kept.until) && (!asked || id == kept.id) {
		return kept, nil
	}
	fresh, err := p.fetch(ctx, domain)
	if err != nil {
		return fresh, fmt.Errorf("partner: MTA-STS policy of %s: %w", domain, err)
	}
	fresh.id, fresh.until = id, p.now().Add(min(fresh.age, policyAge))
	p.mu.Lock()
	p.kept[domain] = fresh
	p.mu.Unlock()
	return fresh, nil
}

// identifier is the id of the record _mta-sts (section 3.1). It tells when to fetch anew and is no proof of anything.
func (p *policies) identifier(ctx context.Context, domain string) (id string, asked bool) {
	records, err := p.resolver.LookupTXT(ctx, "_mta-sts."+domain)
	if err != nil {
		return "", false
	}
	for _, r := range records {
		fields := strings.Split(r, ";")
		if strings.TrimSpace(fields[0]) != "v=STSv1" {
			continue
		}
		for _, f := range fields[1:] {
			if v, ok := strings.CutPrefix(strings.TrimSpace(f), "id="); ok && identifies(v) {
				return v, true
			}
		}
	}
	return "", true
}

// identifies tells an id of section 3.1: it goes into the audit.
func identifies(id string) bool {
	return id != "" && len(id) <= 32 && !strings.ContainsFunc(id, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
	})
}

func (p *policies) fetch(ctx context.Context, domain string) (stsPolicy, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://mta-sts."+domain+"/.well-known/mta-sts.txt", nil)
	if err != nil {
		return stsPolicy{}, err
	}
	w, err := p.http.Do(r)
	if err != nil {
		return stsPolicy{}, err
	}
	defer w.Body.Close()
	if w.StatusCode != http.StatusOK {
		return stsPolicy{}, fmt.Errorf("status %d", w.StatusCode)
	}
	if kind, _, _ := mime.ParseMediaType(w.Header.Get("Content-Type")); kind != "text/plain" {
		return stsPolicy{}, fmt.Errorf("it is %q and not text/plain", kind)
	}
	text, err := io.ReadAll(io.LimitReader(w.Body, policySize+1))
	switch {
	case err != nil:
		return stsPolicy{}, err
	case len(text) > policySize:
		return stsPolicy{}, errors.New("it is too long")
	}
	out, err := parsePolicy(string(text))
	if err == nil && out.mode != "enforce" {
		err = fmt.Errorf("its mode is %q: nothing is delivered until it is \"enforce\"", out.mode)
	}
	return out, err
}

// parsePolicy reads a policy file (section 3.2). What it does not know it passes over; of a key that is there twice the
// first counts.
func parsePolicy(text string) (out stsPolicy, err error) {
	seen := map[string]string{}
	for line := range strings.SplitSeq(text, "\n") {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\r"), ":")
		value = strings.TrimSpace(value)
		switch {
		case !ok:
		case key == "mx":
			out.mx = append(out.mx, plainName(value))
		case seen[key] == "":
			seen[key] = value
		}
	}
	if seen["version"] != "STSv1" {
		return out, errors.New("it is no policy of version STSv1")
	}
	switch out.mode = seen["mode"]; out.mode {
	case "enforce", "testing", "none":
	default:
		return out, errors.New("it has no mode")
	}
	seconds, err := strconv.ParseUint(seen["max_age"], 10, 31)
	if err != nil {
		return out, errors.New("it has no max_age")
	}
	out.age = time.Duration(seconds) * time.Second
	return out, nil
}

// names tells whether a host is in the policy; "*." stands for exactly one label (section 4.1).
func (p stsPolicy) names(host string) bool {
	host = plainName(host)
	_, above, _ := strings.Cut(host, ".")
	for _, pattern := range p.mx {
		if rest, wild := strings.CutPrefix(pattern, "*."); pattern == host || wild && rest != "" && rest == above {
			return host != ""
		}
	}
	return false
}

// plainName is a host name in lower case without the dot at its end.
func plainName(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }
