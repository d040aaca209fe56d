/** Words that several tools use and that come with them. */
import { addWords } from "@/app/i18n";

addWords("media", {
  en: {
    fit: "Show all of it",
    all: "Fit",
    closer: "Zoom in",
    farther: "Zoom out",
    broken: "This file could not be shown. Skip the task and say so.",
    play: "Play or pause",
    back: "Two seconds back",
    slower: "Slower",
    faster: "Faster",
    speed: "Speed",
    position: "Position in the recording",
    nextPage: "Next picture of the item",
    previousPage: "Previous picture of the item",
    fromAbove: "The cloud from above, coloured by height",
  },
  zh: {
    fit: "显示全部",
    all: "全图",
    closer: "放大",
    farther: "缩小",
    broken: "无法显示此文件。请跳过此任务并说明原因。",
    play: "播放或暂停",
    back: "后退两秒",
    slower: "减速",
    faster: "加速",
    speed: "速度",
    position: "录音中的位置",
    nextPage: "下一张图片",
    previousPage: "上一张图片",
    fromAbove: "点云俯视图，按高度着色",
  },
});

addWords("answers", {
  en: {
    title: "Other answers",
    same: "the same as on the stage",
    empty: "nothing",
    onlyTheirs: "only there",
    onlyMine: "only on the stage",
  },
  zh: {
    title: "其他答案",
    same: "与当前答案相同",
    empty: "空",
    onlyTheirs: "仅此答案有",
    onlyMine: "仅当前答案有",
  },
});
