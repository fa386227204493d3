import { Button, Group } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { ErrorAlert } from './ErrorAlert';

interface FormEndProps {
  error: unknown;
  /** What failed, where the error's own title does not tell. */
  failed?: string;
  submit: string;
  busy: boolean;
  /** Something that is needed has not been said yet. */
  disabled?: boolean;
  testId?: string;
  onClose: () => void;
}

/** The end of a dialog's form: why it was not taken, the way out, the way on. */
export function FormEnd({ error, failed, submit, busy, disabled = false, testId, onClose }: FormEndProps) {
  const { t } = useTranslation();
  return (
    <>
      <ErrorAlert error={error} failed={failed} />
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          {t('common.cancel')}
        </Button>
        <Button type="submit" loading={busy} disabled={disabled} data-testid={testId}>
          {submit}
        </Button>
      </Group>
    </>
  );
}
