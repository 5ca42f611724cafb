package relay

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
)

// connect gives a connection on which MAIL may be said. It holds it for ctx.
func (u *upstream) connect(ctx context.Context) (*link, error) {
	dialer := net.Dialer{Timeout: u.timeouts.Dial}
	raw, err := dialer.DialContext(ctx, "tcp", u.Addr)
	if err != nil {
		return nil, unreachable(err)
	}
	l := &link{under: &conn{Conn: raw, patience: u.timeouts.Command, write: u.timeouts.Write}, timeouts: u.timeouts, born: time.Now()}
	l.hold(ctx)
	if err := u.greet(ctx, l); err != nil {
		l.stop()
		l.close()
		return nil, unreachable(err)
	}
	return l, nil
}

func (u *upstream) greet(ctx context.Context, l *link) error {
	l.over(l.under)
	if u.Security == ImplicitTLS {
		if err := u.secure(ctx, l); err != nil {
			return err
		}
	}
	if r, err := l.hear(u.timeouts.Command); err != nil || r.Code != 220 {
		return unexpected("its greeting", r, err)
	}
	if err := u.ehlo(l); err != nil {
		return err
	}
	if u.Security == StartTLS {
		if err := u.startTLS(ctx, l); err != nil {
			return err
		}
	}
	if u.Auth == nil {
		return nil
	}
	return u.login(l)
}

func (u *upstream) ehlo(l *link) error {
	r, err := l.ask("EHLO ", u.hello)
	if err != nil || r.Code != 250 {
		return unexpected("EHLO", r, err)
	}
	l.has = extensions(r.Text)
	return nil
}

func (u *upstream) startTLS(ctx context.Context, l *link) error {
	if !l.knows("STARTTLS") {
		return errors.New("the upstream does not offer STARTTLS, and nothing is sent to it in clear")
	}
	if r, err := l.ask("STARTTLS"); err != nil || r.Code != 220 {
		return unexpected("STARTTLS", r, err)
	}
	if l.r.R.Buffered() > 0 {
		// Whoever is between us and it could have put it there, to be taken for said under TLS (CVE-2011-0411).
		return errors.New("the upstream said more before TLS began")
	}
	if err := u.secure(ctx, l); err != nil {
		return err
	}
	return u.ehlo(l) // RFC 3207 section 4.2: what was said before is forgotten
}

func (u *upstream) secure(ctx context.Context, l *link) error {
	secure := tls.Client(l.under, u.TLS)
	if err := secure.HandshakeContext(ctx); err != nil {
		return err
	}
	l.tls = secure.ConnectionState()
	l.over(secure)
	return nil
}

// login proves who we are by RFC 4954.
func (u *upstream) login(l *link) error {
	offered := strings.Fields(strings.ToUpper(l.has["AUTH"]))
	var client sasl.Client
	switch {
	case slices.Contains(offered, sasl.Plain):
		client = sasl.NewPlainClient("", u.Auth.Username, u.Auth.Password)
	case slices.Contains(offered, sasl.Login):
		client = sasl.NewLoginClient(u.Auth.Username, u.Auth.Password)
	default:
		return errors.New("the upstream offers neither AUTH PLAIN nor LOGIN")
	}
	mechanism, first, err := client.Start()
	if err != nil {
		return err
	}
	words := []string{"AUTH ", mechanism}
	if first != nil {
		words = append(words, " ", base64.StdEncoding.EncodeToString(first))
	}
	for {
		r, err := l.ask(words...)
		if err != nil || r.Code != 334 {
			if err == nil && r.Code == 235 {
				return nil
			}
			return unexpected("AUTH", r, err)
		}
		challenge, err := base64.StdEncoding.DecodeString(r.Text)
		if err != nil {
			return errors.New("the upstream's challenge is not base64")
		}
		answer, err := client.Next(challenge)
		if err != nil {
			return err
		}
		words = []string{base64.StdEncoding.EncodeToString(answer)}
	}
}

// unexpected is what is wrong before MAIL. The upstream's words about our connection quote no message.
func unexpected(what string, r Reply, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return fmt.Errorf("%s: the upstream said %d %s", what, r.Code, r.Text)
}
