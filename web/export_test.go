package web

// Sweep forgets what is over, as Run does every minute.
func (s *Server) Sweep() { s.sweep() }
