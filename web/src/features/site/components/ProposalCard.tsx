import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useDecideProposal, useProposal, type Decision } from '@/api/site';
import type { ThresholdProposal } from '@/api/types';
import { ErrorAlert } from '@/components/ErrorAlert';
import { formatMoment } from '@/format/dates';
import { formatNumber } from '@/format/numbers';

import { ProposalReport } from './ProposalReport';
import classes from './site.module.css';
import { useScannerText } from '@/components/use-scanner-text';

function Details({ id }: { id: string }) {
  const { t } = useTranslation();
  const { data, error } = useProposal(id);
  return (
    <>
      <ErrorAlert error={error} />
      {data?.report && <ProposalReport report={data.report} />}
      {data && !data.report && <Text size="sm">{t('problem.proposal_unreadable.advice')}</Text>}
    </>
  );
}

interface Decided {
  what: 'accepted' | 'declined' | 'withdrawn';
  at: string;
  by: string | null | undefined;
  why: string | null | undefined;
}

/** Who decided what, the first first: who accepted what was taken back stays. */
function decisionsOf(proposal: ThresholdProposal): Decided[] {
  const decided: Decided[] = [];
  if (proposal.decided_at) {
    const what = proposal.state === 'declined' ? 'declined' : 'accepted';
    decided.push({ what, at: proposal.decided_at, by: proposal.decided_by, why: proposal.comment });
  }
  if (proposal.withdrawn_at) {
    decided.push({ what: 'withdrawn', at: proposal.withdrawn_at, by: proposal.withdrawn_by, why: proposal.withdrawn_reason });
  }
  return decided;
}

/** A proposal, its thresholds, and what can be decided on it. */
export function ProposalCard({ proposal }: { proposal: ThresholdProposal }) {
  const { t, i18n } = useTranslation();
  const scannerText = useScannerText();
  const [open, setOpen] = useState(false);
  const [asked, setAsked] = useState<Decision>();
  const [comment, setComment] = useState('');
  const decide = useDecideProposal();
  const { id, state, acts, thresholds } = proposal;
  // The gateway names people and keys by their names, and whoever typed a command so.
  const who = (name: string | null | undefined): string => (name === 'command line' ? t('site.commandLine') : (name ?? '–'));
  const threshold = (value: number): string => formatNumber(value, i18n.language, 4);
  const choices: readonly Decision[] = state === 'open' ? (thresholds ? ['accept', 'decline'] : ['decline']) : acts ? ['withdraw'] : [];
  const close = (): void => {
    setAsked(undefined);
    setComment('');
    decide.reset();
  };
  return (
    <article className={classes.proposal} data-testid="proposal" data-state={state} data-acts={acts}>
      <Group justify="space-between" align="flex-start" gap="md">
        <div>
          <Text>
            <span className={classes.badge} data-state={state} data-acts={acts}>
              {t(acts ? 'site.acts' : `site.state.${state}`)}
            </span>
            {' · '}
            {proposal.method && `${t(`site.method.${proposal.method}`)} · `}
            {formatMoment(proposal.created_at, i18n.language)}, {who(proposal.created_by)}
          </Text>
          <Text size="sm" c="var(--text-dim)">
            {t('site.bundleVersion', { version: proposal.bundle_version })}
          </Text>
          {decisionsOf(proposal).map(({ what, at, by, why }) => (
            <Text size="sm" c="var(--text-dim)" key={what} data-testid={`decided-${what}`}>
              {t(`site.decided.${what}`, { at: formatMoment(at, i18n.language), by: who(by) })}
              {why && `: ${why}`}
            </Text>
          ))}
          {!thresholds && (
            <Text size="sm" fw={600} data-testid="proposal-unreadable">
              {t('problem.proposal_unreadable.title')}
            </Text>
          )}
          {thresholds?.map((of) => (
            <Text size="sm" key={JSON.stringify(of.scanner)}>
              {scannerText(of.scanner)}: {threshold(of.threshold_in_use)} → <b>{threshold(of.threshold)}</b>
              {', '}
              {t('site.changes', { count: of.changes })}
            </Text>
          ))}
        </div>
        <Group gap="xs">
          <Button size="xs" variant="subtle" aria-expanded={open} onClick={() => setOpen(!open)}>
            {t(open ? 'site.hideReport' : 'site.showReport')}
          </Button>
          {choices.map((decision) => (
            <Button
              key={decision}
              size="xs"
              variant={decision === 'accept' ? 'filled' : 'default'}
              onClick={() => setAsked(decision)}
              data-testid={`proposal-${decision}`}
            >
              {t(`site.decision.${decision}`)}
            </Button>
          ))}
        </Group>
      </Group>
      {open && <Details id={id} />}
      {asked && (
        <Modal opened onClose={close} title={<b>{t(`site.confirm.${asked}`)}</b>} closeButtonProps={{ 'aria-label': t('common.close') }}>
          <Stack>
            <Text size="sm">{t(`site.confirmDetail.${asked}`)}</Text>
            <Textarea label={t('site.comment')} value={comment} maxLength={1000} onChange={(event) => setComment(event.currentTarget.value)} />
            <ErrorAlert error={decide.error} />
            <Group justify="flex-end">
              <Button variant="default" onClick={close} data-autofocus>
                {t('common.cancel')}
              </Button>
              <Button
                loading={decide.isPending}
                onClick={() => decide.mutate({ id, decision: asked, comment }, { onSuccess: close })}
                data-testid="confirm-decision"
              >
                {t(`site.decision.${asked}`)}
              </Button>
            </Group>
          </Stack>
        </Modal>
      )}
    </article>
  );
}
