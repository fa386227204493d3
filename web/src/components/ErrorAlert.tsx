import { Alert } from '@mantine/core';

import { useProblemText } from '@/i18n/problem-text';

/** A request that failed: its reason and what to do. Nothing where nothing failed. */
export function ErrorAlert({ error, failed, mt }: { error: unknown; failed?: string | undefined; mt?: string }) {
  const { title, advice } = useProblemText(error);
  if (!error) {
    return null;
  }
  return (
    <Alert color="red" title={failed ?? title} {...(mt ? { mt } : {})}>
      {failed ? `${title}. ${advice}` : advice}
    </Alert>
  );
}
