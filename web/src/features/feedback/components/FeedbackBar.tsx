import { Button, Modal, Radio, Stack, Text, Textarea, Tooltip } from '@mantine/core';
import { IconThumbDown, IconThumbUp } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useFeedback, useGiveFeedback } from '@/api/feedback';
import type { Finding, Verdict } from '@/api/types';
import { ErrorAlert } from '@/components/ErrorAlert';
import { FormEnd } from '@/components/FormEnd';
import { formatDateTime } from '@/format/dates';
import { useShortcuts } from '@/shortcuts/use-shortcuts';

import classes from './feedback.module.css';

interface FeedbackBarProps {
  analysisId: string;
  verdict: Verdict;
  findings: Finding[];
  /** Goes to the next study; null on the last one. */
  onNext: (() => void) | null;
}

const LONGEST_COMMENT = 10_000;

/** Agree or disagree with the answer; what is said is kept. */
export function FeedbackBar({ analysisId, verdict, findings, onNext }: FeedbackBarProps) {
  const { t, i18n } = useTranslation();
  const given = useFeedback(analysisId);
  const give = useGiveFeedback(analysisId);
  const [disagreeing, setDisagreeing] = useState(false);
  const [label, setLabel] = useState<string>(verdict === 'norm' ? 'pathology' : 'norm');
  const [comment, setComment] = useState('');

  const agree = (then?: () => void): void => {
    if (!give.isPending) {
      give.mutate({ agree: true }, { onSuccess: () => then?.() });
    }
  };
  const agreeAndNext = (): void => agree(onNext ?? undefined);
  useShortcuts({ 'study.agree': agreeAndNext, 'study.disagree': () => setDisagreeing(true) });

  const labelText = (key: string): string => {
    if (key === 'norm' || key === 'pathology') {
      return t(`verdict.${key}`);
    }
    const finding = findings.find((candidate) => candidate.label === key);
    return finding ? (i18n.language === 'ru' ? finding.name_ru : finding.name_en) : key;
  };
  const latest = given.data?.at(-1);
  return (
    <div className={classes.bar} data-testid="feedback">
      <div className={classes.buttons}>
        <Tooltip label={t('feedback.agreeNext') + ' (A)'}>
          <Button px="xs" leftSection={<IconThumbUp size={16} />} loading={give.isPending} onClick={agreeAndNext} data-testid="agree">
            {t(onNext ? 'feedback.agreeNext' : 'feedback.agree')}
          </Button>
        </Tooltip>
        <Tooltip label={t('feedback.disagree') + ' (D)'}>
          <Button px="xs" variant="default" leftSection={<IconThumbDown size={16} />} onClick={() => setDisagreeing(true)} data-testid="disagree">
            {t('feedback.disagree')}
          </Button>
        </Tooltip>
      </div>
      {!disagreeing && <ErrorAlert error={give.error} failed={t('feedback.notKept')} mt="xs" />}
      {latest && (
        <Text size="xs" c="var(--text-dim)" mt={6} data-testid="feedback-given">
          {t('feedback.given')}: <b>{t(latest.agree ? 'feedback.agreed' : 'feedback.disagreed')}</b>
          {latest.label && ` (${labelText(latest.label)})`} ·{' '}
          {t('feedback.by', {
            user: latest.user?.name ?? t('feedback.anonymous'),
            date: formatDateTime(latest.created_at, i18n.language),
          })}
          {latest.comment && ` · ${latest.comment}`}
        </Text>
      )}
      <Modal
        opened={disagreeing}
        onClose={() => setDisagreeing(false)}
        title={<b>{t('feedback.disagreeTitle')}</b>}
        closeButtonProps={{ 'aria-label': t('common.close') }}
      >
        <form
          onSubmit={(event) => {
            event.preventDefault();
            give.mutate(
              { agree: false, label, comment: comment.trim() || null },
              {
                onSuccess: () => {
                  setDisagreeing(false);
                  setComment('');
                },
              },
            );
          }}
        >
          <Stack>
            <Radio.Group label={t('feedback.label')} value={label} onChange={setLabel}>
              <Stack gap={8} mt={6}>
                <Radio value="norm" data-autofocus label={t('feedback.labelNorm')} />
                {findings.map((finding) => (
                  <Radio key={finding.label} value={finding.label} label={labelText(finding.label)} />
                ))}
                <Radio value="pathology" label={t('feedback.labelPathology')} />
              </Stack>
            </Radio.Group>
            <Textarea
              label={t('feedback.comment')}
              description={t('feedback.commentHint')}
              autosize
              minRows={3}
              maxRows={8}
              maxLength={LONGEST_COMMENT}
              value={comment}
              onChange={(event) => setComment(event.currentTarget.value)}
            />
            <FormEnd
              error={give.error}
              failed={t('feedback.notKept')}
              submit={t('feedback.send')}
              busy={give.isPending}
              testId="send-feedback"
              onClose={() => setDisagreeing(false)}
            />
          </Stack>
        </form>
      </Modal>
    </div>
  );
}
