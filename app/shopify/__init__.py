"""All that talks to the platform. Nobody else imports a Shopify library."""
