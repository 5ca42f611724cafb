package web

import (
	"context"
	"sync"
	"time"
)

// preparer is a provider that has to ask the network before its About is whole: browsers hold the redirects of the login
// form against the origins it tells, so the first login would be stopped.
type preparer interface {
	Prepare(ctx context.Context) error
}

// prepareAgain is how long a provider that did not answer is left alone.
const prepareAgain = 30 * time.Second

// prepare asks each provider until it has answered or ctx ends.
func (s *Server) prepare(ctx context.Context) {
	var asked sync.WaitGroup
	for _, p := range s.config.Providers {
		asked.Go(func() { s.prepareOne(ctx, p.About().ID, p) })
	}
	for _, p := range s.config.Staff.Providers {
		asked.Go(func() { s.prepareOne(ctx, p.About().ID, p) })
	}
	asked.Wait()
}

func (s *Server) prepareOne(ctx context.Context, id string, provider any) {
	p, ok := provider.(preparer)
	if !ok {
		return
	}
	for {
		err := p.Prepare(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		s.log.Warn("web: the login provider does not answer; asking it again", "provider", id, "in", prepareAgain, "err", err)
		select {
		case <-time.After(prepareAgain):
		case <-ctx.Done():
			return
		}
	}
}
