import { Anchor, Button, Modal, Radio, Stack, Text, Textarea, Tooltip } from '@mantine/core';
import { IconPencil, IconThumbDown, IconThumbUp } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import display from '@/api/display.json';
import { useFeedback, useGiveFeedback, useTakeFeedbackBack } from '@/api/feedback';
import type { Feedback, Finding, Verdict } from '@/api/types';
import { ErrorAlert } from '@/components/ErrorAlert';
import { FormEnd } from '@/components/FormEnd';
import { useSession } from '@/session/session-context';
import { useShortcuts } from '@/shortcuts/use-shortcuts';

import { FeedbackLine, useLabelText } from './FeedbackLine';
import classes from './feedback.module.css';

interface FeedbackBarProps {
  analysisId: string;
  verdict: Verdict;
  findings: Finding[];
  /** Goes to the next study; null on the last one. */
  onNext: (() => void) | null;
}

const LONGEST_COMMENT = display.limits.text_characters;

/** Whether it was said by who looks at the page; without sign-in everybody is the same. */
const useIsOwn = (): ((feedback: Feedback) => boolean) => {
  const { authentication, user } = useSession();
  return (feedback) => (feedback.user ? feedback.user.id === user.id : authentication === 'off');
};

/** Agree or disagree with the answer; what is said is kept until its reader takes it back. */
export function FeedbackBar({ analysisId, verdict, findings, onNext }: FeedbackBarProps) {
  const { t } = useTranslation();
  const given = useFeedback(analysisId);
  const give = useGiveFeedback(analysisId);
  const takeBack = useTakeFeedbackBack(analysisId);
  const isOwn = useIsOwn();
  const [disagreeing, setDisagreeing] = useState(false);
  // Nothing is chosen beforehand: a click in haste must not say what nobody meant.
  const [label, setLabel] = useState<string | null>(null);
  const answered = verdict !== 'undetermined';
  const [comment, setComment] = useState('');

  const agree = (then?: () => void): void => {
    if (!give.isPending) {
      give.mutate({ agree: true }, { onSuccess: () => then?.() });
    }
  };
  const agreeAndNext = (): void => agree(onNext ?? undefined);
  useShortcuts(answered ? { 'study.agree': agreeAndNext, 'study.disagree': () => setDisagreeing(true) } : { 'study.disagree': () => setDisagreeing(true) });

  const labelText = useLabelText(findings);
  const latest = given.data?.at(-1);
  return (
    <div className={classes.bar} data-testid="feedback">
      <div className={classes.buttons}>
        {answered && (
          <Tooltip label={t('feedback.agreeNext') + ' (A)'}>
            <Button px="xs" leftSection={<IconThumbUp size={16} />} loading={give.isPending} onClick={agreeAndNext} data-testid="agree">
              {t(onNext ? 'feedback.agreeNext' : 'feedback.agree')}
            </Button>
          </Tooltip>
        )}
        <Tooltip label={t(answered ? 'feedback.disagree' : 'feedback.say') + ' (D)'}>
          <Button
            px="xs"
            variant="default"
            leftSection={answered ? <IconThumbDown size={16} /> : <IconPencil size={16} />}
            onClick={() => setDisagreeing(true)}
            data-testid="disagree"
          >
            {t(answered ? 'feedback.disagree' : 'feedback.say')}
          </Button>
        </Tooltip>
      </div>
      {!disagreeing && <ErrorAlert error={give.error} failed={t('feedback.notKept')} mt="xs" />}
      {latest && (
        <Text size="xs" c="var(--text-dim)" mt={6} data-testid="feedback-given">
          {t('feedback.given')}: <FeedbackLine feedback={latest} findings={findings} />
          {isOwn(latest) && (
            <>
              {' · '}
              <Anchor component="button" type="button" size="xs" disabled={takeBack.isPending} onClick={() => takeBack.mutate(latest.id)} data-testid="take-back">
                {t('feedback.takeBack')}
              </Anchor>
            </>
          )}
        </Text>
      )}
      <ErrorAlert error={takeBack.error} failed={t('feedback.notTakenBack')} mt="xs" />
      <Modal
        opened={disagreeing}
        onClose={() => setDisagreeing(false)}
        title={<b>{t(answered ? 'feedback.disagreeTitle' : 'feedback.say')}</b>}
        closeButtonProps={{ 'aria-label': t('common.close') }}
      >
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (!label) {
              return;
            }
            give.mutate(
              { agree: false, label, comment: comment.trim() || null },
              {
                onSuccess: () => {
                  setDisagreeing(false);
                  setComment('');
                  setLabel(null);
                },
              },
            );
          }}
        >
          <Stack>
            <Radio.Group label={t('feedback.label')} value={label} onChange={setLabel}>
              <Stack gap={8} mt={6}>
                {verdict !== 'norm' && <Radio value="norm" data-autofocus label={t('feedback.labelNorm')} />}
                {findings.map((finding) => (
                  <Radio key={finding.label} value={finding.label} label={labelText(finding.label)} />
                ))}
                <Radio value="pathology" label={t(findings.length > 0 ? 'feedback.labelPathology' : 'verdict.pathology')} />
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
              disabled={!label}
              testId="send-feedback"
              onClose={() => setDisagreeing(false)}
            />
          </Stack>
        </form>
      </Modal>
    </div>
  );
}
