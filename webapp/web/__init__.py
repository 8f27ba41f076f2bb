"""What every page needs: session and viewer, route permissions, sign-in, security headers, errors, tables."""
