import { addWords } from "@/app/i18n";

addWords("dialogue", {
  en: {
    conversation: "Conversation",
    nextQuestion: "Next question",
    previousQuestion: "Previous question",
    layout: "Beside or under one another",
    beside: "Beside one another",
    under: "Under one another",
    removeReply: "Remove this reply",
    written: "Written by you",
    leave: "Leave the field: single keys work again",
    rank: "Rank",
    begins: "The conversation must begin with the item's own turns.",
    answer: "The last message needs an answer.",
  },
  zh: {
    conversation: "对话",
    nextQuestion: "下一个问题",
    previousQuestion: "上一个问题",
    layout: "并排或上下排列",
    beside: "并排",
    under: "上下",
    removeReply: "删除此回复",
    written: "由你撰写",
    leave: "离开文本框，单键重新可用",
    rank: "名次",
    begins: "对话必须以条目原有的轮次开头。",
    answer: "最后一条消息需要回复。",
  },
});
