package outbox

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"sigill/policy"
	"sigill/smtpd/relay"
	"sigill/vault"
)

// partners are those of these tests: outside is how they take mail.
type partners struct{ outside }

func (p *partners) Deliver(ctx context.Context, m relay.Mail, r io.Reader) (string, error) {
	_, err := p.Send(ctx, m, r)
	return "proved", err
}

var asa = policy.MustAddress("asa@region.example")

func deliverTo(t testing.TB, v *vault.Vault, to policy.Address) vault.MessageID {
	t.Helper()
	w := v.Depositor().Begin(vault.Deposit{From: anna, Recipients: []policy.Recipient{{Address: to, Kind: policy.Unknown}}, Deliver: true})
	_, err := io.WriteString(w, "From: anna@kommun.example\r\nSubject: Hemligt\r\n\r\nHemlighetstext\r\n")
	r, err2 := w.Commit(context.Background())
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return r.ID
}

func TestDelivery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, up, there := openVault(t), &outside{}, &partners{}
		id := deliverTo(t, v, asa)
		stop := begin(t, worker(t, v, up, func(c *Config) {
			c.Courier, c.Partners, c.Hostname, c.Signers = v.Courier(), there, "gateway.example", signers(t)
		}))
		defer stop()
		time.Sleep(time.Second)
		stop()
		if len(up.mails) != 0 || len(there.mails) != 1 || status(t, v, id) != vault.Delivered || len(queued(t, v)) != 0 {
			t.Fatal(up.mails, there.mails, status(t, v, id))
		}
		m, raw := there.mails[0], there.raw[0]
		if m.Size != int64(len(raw)) || !strings.HasPrefix(m.From.String(), "bounces+") || !strings.HasSuffix(raw, "\r\n\r\nHemlighetstext\r\n") ||
			header(t, raw, "Received") == "" || m.To[0] != asa {
			t.Errorf("%+v\n%s", m, raw)
		}
		found, err := dkim.VerifyWithOptions(strings.NewReader(raw), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
			for _, s := range signers(t) {
				if n, text := s.Record(); n == name {
					return []string{text}, nil
				}
			}
			return nil, errors.New("no such name")
		}})
		if err != nil || len(found) != 2 || errors.Join(found[0].Err, found[1].Err) != nil {
			t.Errorf("signatures: %v, %v", found, err)
		}
	})
}

// A delivery is tried for a day, and then its sender is told; so it is if the partner is none any more.
func TestDeliveryGivesUp(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config, *partners){
		"its server proves nothing": func(c *Config, p *partners) { c.Partners = p },
		"no partner any more":       func(c *Config, _ *partners) {},
	} {
		synctest.Test(t, func(t *testing.T) {
			v, up, there := openVault(t), &outside{}, &partners{}
			there.says = answers(451)
			id, created := deliverTo(t, v, asa), time.Now()
			stop := begin(t, worker(t, v, up, func(c *Config) {
				c.Courier, c.Hostname = v.Courier(), "gateway.example"
				change(c, there)
			}))
			defer stop()
			time.Sleep(25 * time.Hour)
			stop()
			if status(t, v, id) != vault.Failed || len(up.mails) != 1 || up.mails[0].To[0] != anna || len(queued(t, v)) != 0 {
				t.Fatalf("%s: %s, %v", name, status(t, v, id), up.mails)
			}
			if !strings.Contains(up.raw[0], "/messages/"+id.String()) || strings.Contains(up.raw[0], "Hemlig") {
				t.Errorf("%s: the notice %s", name, up.raw[0])
			}
			if told := up.at[0].Sub(created); told < 15*time.Hour || told > giveUpDelivery {
				t.Errorf("%s: told after %s", name, told)
			}
		})
	}
}
