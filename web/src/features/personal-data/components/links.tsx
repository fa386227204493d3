import { Button } from '@mantine/core';
import { IconFileOff } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

/** The way to the statements. */
export function ErasuresLink() {
  const { t } = useTranslation();
  return (
    <Button component={Link} to="/erasures" variant="default" leftSection={<IconFileOff size={16} />}>
      {t('personalData.erasures')}
    </Button>
  );
}

/** For who looks at a record that is not there. */
export function WasDeletedLink({ patientId }: { patientId: string }) {
  const { t } = useTranslation();
  return (
    <Button component={Link} to={`/erasures/${patientId}`} variant="default">
      {t('personalData.wasDeleted')}
    </Button>
  );
}
