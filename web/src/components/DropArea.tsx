import { Button, Group, Text } from '@mantine/core';
import { IconCloudUpload, IconFiles, IconFolder } from '@tabler/icons-react';
import { useRef, useState, type DragEvent } from 'react';
import { useTranslation } from 'react-i18next';

import { sourcesOfDrop, sourcesOfFiles, type UploadSource } from '@/transfer/collect';

import classes from './drop-area.module.css';

interface DropAreaProps {
  label: string;
  onSources: (sources: UploadSource[]) => void;
}

/** Takes folders, archives and files, by dropping or by choosing. */
export function DropArea({ label, onSources }: DropAreaProps) {
  const { t } = useTranslation();
  const [over, setOver] = useState(false);
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);

  const [refusal, setRefusal] = useState<'upload.emptyFolder' | 'upload.unreadableFolder' | null>(null);

  const take = (sources: UploadSource[]): void => {
    setRefusal(sources.length === 0 ? 'upload.emptyFolder' : null);
    if (sources.length > 0) {
      onSources(sources);
    }
  };
  const onDrop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    sourcesOfDrop(event.dataTransfer).then(take, () => setRefusal('upload.unreadableFolder'));
  };
  const onChosen = (input: HTMLInputElement): void => {
    if (input.files && input.files.length > 0) {
      take(sourcesOfFiles(input.files));
    }
    // The same choice can be made again.
    input.value = '';
  };
  return (
    <div
      className={classes.area}
      data-over={over}
      data-testid="drop-area"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
    >
      <IconCloudUpload size={40} stroke={1.3} aria-hidden />
      <Text fw={600}>{over ? t('upload.dropActive') : label}</Text>
      {refusal && (
        <Text size="sm" c="var(--pathology)" role="alert">
          {t(refusal)}
        </Text>
      )}
      <Group gap="xs">
        <Button variant="default" size="sm" leftSection={<IconFiles size={16} />} onClick={() => files.current?.click()}>
          {t('upload.chooseFiles')}
        </Button>
        <Button variant="default" size="sm" leftSection={<IconFolder size={16} />} onClick={() => folder.current?.click()}>
          {t('upload.chooseFolder')}
        </Button>
      </Group>
      <input
        ref={files}
        type="file"
        multiple
        hidden
        aria-label={t('upload.chooseFiles')}
        data-testid="file-input"
        onChange={(event) => onChosen(event.currentTarget)}
      />
      <input
        ref={folder}
        type="file"
        hidden
        aria-label={t('upload.chooseFolder')}
        data-testid="folder-input"
        {...{ webkitdirectory: '' }}
        onChange={(event) => onChosen(event.currentTarget)}
      />
    </div>
  );
}
