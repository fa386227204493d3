import { Badge, Button, Group, Skeleton, Text } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useEndSession, useEndSessions, useSessions } from '@/api/sessions';
import type { ListedSession } from '@/api/types';
import { formatDateTime } from '@/format/dates';

import { ConfirmDialog } from './ConfirmDialog';
import { ErrorAlert } from './ErrorAlert';
import { ErrorNotice } from './ErrorNotice';
import pageClasses from './page.module.css';
import { ActionsHeading, ScrollTable } from './ScrollTable';

interface SessionListProps {
  /** Whose they are; null for one's own. */
  userId: string | null;
}

/** Where an account is signed in, and an end to it. */
export function SessionList({ userId }: SessionListProps) {
  const { t, i18n } = useTranslation();
  const [endingAll, setEndingAll] = useState(false);
  const { data, error, isPending, refetch } = useSessions(userId);
  const end = useEndSession(userId);
  const endAll = useEndSessions(userId);
  const device = ({ browser, system }: ListedSession): string =>
    browser && system
      ? t('sessions.device', { browser, system })
      : (browser ?? system ?? t('sessions.unknownDevice'));
  const others = (data?.items ?? []).filter((session) => !session.is_current);
  const own = userId === null;

  return (
    <>
      <Group justify="space-between" mb="sm">
        <Text size="sm" c="var(--text-dim)" maw={640}>
          {t(own ? 'sessions.ownSubtitle' : 'sessions.subtitle')}
        </Text>
        <Button variant="default" disabled={others.length === 0} onClick={() => setEndingAll(true)} data-testid="end-sessions">
          {t(own ? 'sessions.endOthers' : 'sessions.endAll')}
        </Button>
      </Group>
      <ErrorAlert error={end.error} />
      <div className={pageClasses.card}>
        {isPending && <Skeleton h={120} radius={0} />}
        {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
        {data && data.items.length === 0 && (
          <Text p="md" size="sm">
            {t('sessions.none')}
          </Text>
        )}
        {data && data.items.length > 0 && (
          <ScrollTable label={t('sessions.table')}>
            <thead>
              <tr>
                <th scope="col">{t('sessions.where')}</th>
                <th scope="col">{t('sessions.address')}</th>
                <th scope="col">{t('sessions.began')}</th>
                <th scope="col">{t('sessions.lastUsed')}</th>
                <th scope="col">{t('sessions.ends')}</th>
                <ActionsHeading />
              </tr>
            </thead>
            <tbody>
              {data.items.map((session) => (
                <tr key={session.id} data-session={session.id} data-current={session.is_current}>
                  <td>
                    <Group gap={6}>
                      <Text size="sm" fw={600}>
                        {device(session)}
                      </Text>
                      {session.is_current && (
                        <Badge variant="default" tt="none" fw={500}>
                          {t('sessions.current')}
                        </Badge>
                      )}
                    </Group>
                    <Text size="xs" c="var(--text-dim)">
                      {t(`sessions.beganBy.${session.began_by}`)}
                    </Text>
                  </td>
                  <td>{session.address ?? '–'}</td>
                  <td>{formatDateTime(session.created_at, i18n.language)}</td>
                  <td>{formatDateTime(session.last_used_at, i18n.language)}</td>
                  <td>{formatDateTime(session.expires_at, i18n.language)}</td>
                  <td>
                    {!session.is_current && (
                      <Button
                        size="compact-sm"
                        variant="subtle"
                        c="var(--pathology)"
                        loading={end.isPending && end.variables === session.id}
                        aria-label={t('sessions.endOne', { device: device(session), address: session.address ?? '–' })}
                        onClick={() => end.mutate(session.id)}
                      >
                        {t('sessions.end')}
                      </Button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </ScrollTable>
        )}
      </div>
      <ConfirmDialog
        opened={endingAll}
        title={t(own ? 'sessions.endOthersTitle' : 'sessions.endAllTitle')}
        detail={t('sessions.endDetail')}
        confirm={t(own ? 'sessions.endOthers' : 'sessions.endAll')}
        busy={endAll.isPending}
        error={endAll.error}
        onConfirm={() => endAll.mutate(undefined, { onSuccess: () => setEndingAll(false) })}
        onClose={() => {
          endAll.reset();
          setEndingAll(false);
        }}
      />
    </>
  );
}
