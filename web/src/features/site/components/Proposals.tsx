import { Button, Group, Skeleton, Text, Title } from '@mantine/core';
import { IconAdjustmentsCheck } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useMakeProposal, useProposals } from '@/api/site';
import type { FitMethod } from '@/api/types';
import { ErrorAlert } from '@/components/ErrorAlert';
import { ErrorNotice } from '@/components/ErrorNotice';
import { Notice } from '@/components/Notice';
import pageClasses from '@/components/page.module.css';
import { Pager } from '@/components/Pager';

import { ProposalCard } from './ProposalCard';
import { ProposalReport } from './ProposalReport';
import classes from './site.module.css';

const METHODS = ['unlabelled', 'labelled'] as const satisfies readonly FitMethod[];
const LIMIT = 10;

/** Thresholds that the site's own studies propose: made, looked at, accepted, declined, taken back. */
export function Proposals() {
  const { t } = useTranslation();
  const [offset, setOffset] = useState(0);
  const { data, error, isPending, refetch } = useProposals(LIMIT, offset);
  const make = useMakeProposal();
  return (
    <section aria-labelledby="site-proposals" className={classes.part}>
      <Title order={2} size="h4" id="site-proposals">
        {t('site.proposals')}
      </Title>
      <Text size="sm" c="var(--text-dim)">
        {t('site.proposalsDetail')}
      </Text>
      <Group gap="sm">
        {METHODS.map((method) => (
          <Button
            key={method}
            variant="default"
            loading={make.isPending && make.variables === method}
            disabled={make.isPending}
            onClick={() => make.mutate(method)}
            data-testid={`propose-${method}`}
          >
            {t(`site.make.${method}`)}
          </Button>
        ))}
      </Group>
      <ErrorAlert error={make.error} failed={t('site.notMade')} />
      {make.data?.nothing_proposed && (
        <div className={pageClasses.padded} role="status" data-testid="nothing-proposed">
          <Text fw={600}>{t(`site.nothingProposed.${make.data.nothing_proposed}`)}</Text>
          <ProposalReport report={make.data.report} />
        </div>
      )}
      <div className={pageClasses.padded}>
        {isPending && <Skeleton h={140} />}
        {error && !data && <ErrorNotice error={error} onRetry={() => void refetch()} />}
        {data && data.items.length === 0 && (
          <Notice NoticeIcon={IconAdjustmentsCheck} title={t('site.noProposal')} detail={t('site.noProposalDetail')} />
        )}
        {data?.items.map((proposal) => <ProposalCard key={proposal.id} proposal={proposal} />)}
        {data && data.total > LIMIT && <Pager total={data.total} limit={LIMIT} offset={offset} onOffset={setOffset} />}
      </div>
    </section>
  );
}
