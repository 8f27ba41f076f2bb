"""What every page needs: the request's session and viewer, route permissions, sign-in, security headers, errors, tables."""
