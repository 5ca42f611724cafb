package web

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"sigill/web/login"
)

// slowProvider answers from the third time on.
type slowProvider struct {
	login.Provider
	asked int
}

func (p *slowProvider) About() login.About { return login.About{ID: "eid"} }

func (p *slowProvider) Prepare(context.Context) error {
	if p.asked++; p.asked < 3 {
		return errors.New("nobody answers")
	}
	return nil
}

// silentProvider has nothing to prepare.
type silentProvider struct{ login.Provider }

func (silentProvider) About() login.About { return login.About{ID: "other"} }

// TestPrepare: providers are asked until they answer, or until the server ends.
func TestPrepare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &slowProvider{}
		s := &Server{log: slog.New(slog.DiscardHandler), config: Config{Providers: []login.Provider{p, silentProvider{}}}}
		begun := time.Now()
		s.prepare(t.Context())
		if p.asked != 3 || time.Since(begun) != 2*prepareAgain {
			t.Errorf("asked %d times in %s", p.asked, time.Since(begun))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p.asked = -100
		s.prepare(ctx)
		if p.asked != -99 {
			t.Errorf("asked %d times before the end", 100+p.asked)
		}
	})
}
