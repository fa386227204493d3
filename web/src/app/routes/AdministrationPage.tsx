import { Tabs } from '@mantine/core';
import { IconFileSearch, IconKey, IconUsersGroup } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useParams } from 'react-router';

import { Page } from '@/components/Page';
import { AuditTrail } from '@/features/audit';
import { Keys } from '@/features/keys';
import { Users } from '@/features/users';

import { NotFoundPage } from '../NotFoundPage';

const PARTS = [
  { part: 'people', PartIcon: IconUsersGroup, Content: Users },
  { part: 'keys', PartIcon: IconKey, Content: Keys },
  { part: 'audit', PartIcon: IconFileSearch, Content: AuditTrail },
] as const;

/** People, keys and what they have done. */
export function AdministrationPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { part = 'people' } = useParams();
  if (!PARTS.some((one) => one.part === part)) {
    return <NotFoundPage />;
  }
  return (
    <Page title={t('administration.title')} subtitle={t('administration.subtitle')}>
      <Tabs value={part} keepMounted={false} onChange={(next) => next && void navigate(`/administration/${next}`)}>
        <Tabs.List mb="md">
          {PARTS.map(({ part: name, PartIcon }) => (
            <Tabs.Tab key={name} value={name} leftSection={<PartIcon size={16} aria-hidden />}>
              {t(`administration.${name}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {PARTS.map(({ part: name, Content }) => (
          <Tabs.Panel key={name} value={name}>
            <Content />
          </Tabs.Panel>
        ))}
      </Tabs>
    </Page>
  );
}
