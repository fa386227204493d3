import { useTranslation } from 'react-i18next';

import type { Feedback, Finding } from '@/api/types';
import { formatDateTime } from '@/format/dates';

/** The words of a reader's label: a verdict or the name of a finding. */
export function useLabelText(findings: Finding[]): (label: string) => string {
  const { t, i18n } = useTranslation();
  return (label) => {
    if (label === 'norm' || label === 'pathology') {
      return t(`verdict.${label}`);
    }
    const finding = findings.find((candidate) => candidate.label === label);
    return finding ? (i18n.language === 'ru' ? finding.name_ru : finding.name_en) : label;
  };
}

/** What a reader said about the answer, who it was and when. */
export function FeedbackLine({ feedback, findings }: { feedback: Feedback; findings: Finding[] }) {
  const { t, i18n } = useTranslation();
  const labelText = useLabelText(findings);
  const { agree, label, comment, user, created_at } = feedback;
  return (
    <>
      <b>{t(agree ? 'feedback.agreed' : 'feedback.disagreed')}</b>
      {label && ` (${labelText(label)})`} ·{' '}
      {t('feedback.by', { user: user?.name ?? t('feedback.anonymous'), date: formatDateTime(created_at, i18n.language) })}
      {comment && ` · ${comment}`}
    </>
  );
}
