"""Lines of text in the order of reading, and the paragraphs they make."""

import numpy as np

# Of a line's height: the largest gap within a paragraph, the largest difference of two heights.
GAP, UNLIKE = 0.8, 0.35
# Of the shorter line: how much lies below the other.
SHARED = 0.5


def in_order(lines):
    """The lines from top to bottom, those side by side from left to right."""
    boxes = [_box(line) for line in lines]
    rows = []
    for i in sorted(range(len(lines)), key=lambda i: boxes[i][1] + boxes[i][3]):
        middle = (boxes[i][1] + boxes[i][3]) / 2
        if rows and boxes[rows[-1][-1]][1] < middle < boxes[rows[-1][-1]][3]:
            rows[-1].append(i)
        else:
            rows.append([i])
    return [lines[i] for row in rows for i in sorted(row, key=lambda i: boxes[i][0])]


def of(lines):
    """Objects of class "paragraph": neighbours of like height, one below the other."""
    boxes = [_box(line) for line in lines]
    groups = []
    for i, box in enumerate(boxes):
        near = [group for group in groups if any(_belong(boxes[j], box) for j in group[-3:])]
        if near:
            near[0].append(i)
        else:
            groups.append([i])
    return [_paragraph([lines[i] for i in group], number) for number, group in enumerate(groups, 1)]


def _belong(above, below):
    heights = above[3] - above[1], below[3] - below[1]
    shared = min(above[2], below[2]) - max(above[0], below[0])
    return (
        abs(heights[0] - heights[1]) <= UNLIKE * max(heights)
        and abs(below[1] - above[3]) <= GAP * max(heights)
        and below[1] > above[1]
        and shared >= SHARED * min(above[2] - above[0], below[2] - below[0])
    )


def _paragraph(lines, number):
    boxes = np.array([_box(line) for line in lines])
    (left, top), (right, bottom) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    corners = [left, top, right, top, right, bottom, left, bottom]
    return {
        "class": "paragraph",
        "id": f"r{number}",
        "order": number,
        "text": _joined([line["text"] for line in lines]),
        "score": min(line["score"] for line in lines),
        "quad": {"points": [float(v) for v in corners]},
    }


def _joined(texts):
    """With spaces where the script has some: not between two Chinese or Japanese characters."""
    text = texts[0]
    for one in texts[1:]:
        wide = min(ord(text[-1:] or " "), ord(one[:1] or " ")) >= 0x2E80
        text += one if wide else f" {one}"
    return text


def _box(line):
    points = line["quad"]["points"]
    return min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2])
